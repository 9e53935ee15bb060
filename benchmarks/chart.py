"""A chart of stacked bars as SVG: the CPU that each layer uses for one request."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_LABEL, _WIDTH, _BAR, _GAP, _HEAD, _FOOT = 230, 520, 20, 10, 44, 30  # pixels
_COLOURS = ("#2563eb", "#0d9488", "#d97706", "#7c3aed", "#6b7280")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}"
    "@media(prefers-color-scheme:dark){svg{background:#111827}text{fill:#e5e7eb}}"
)


def stacked_bars(title: str, layers: Sequence[str], rows: Mapping[str, Sequence[float]], *, unit: str) -> str:
    """One bar for each row, with a part for each layer, in the layers' order; the sum is written behind it."""
    longest = max(map(sum, rows.values()))
    height = _HEAD + len(rows) * (_BAR + _GAP) + _FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LABEL + _WIDTH + 90} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        *_legend(layers),
    ]
    for number, (name, values) in enumerate(rows.items()):
        top = _HEAD + number * (_BAR + _GAP)
        parts += _bar(name, values, top=top, scale=_WIDTH / longest, unit=unit)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(layers: Sequence[str]) -> list[str]:
    parts, left = [], _LABEL
    for layer, colour in zip(layers, _COLOURS, strict=False):
        parts.append(f'<rect x="{left}" y="10" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + 17}" y="21">{escape(layer)}</text>')
        left += 40 + 8 * len(layer)
    return parts


def _bar(name: str, values: Sequence[float], *, top: int, scale: float, unit: str) -> list[str]:
    parts = [f'<text x="{_LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(name)}</text>']
    left = float(_LABEL)
    for value, colour in zip(values, _COLOURS, strict=False):
        width = value * scale
        parts.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>')
        left += width
    parts.append(f'<text x="{left + 6:.1f}" y="{top + 15}">{sum(values):.2f} {unit}</text>')
    return parts
