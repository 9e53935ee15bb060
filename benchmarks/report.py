"""The results as Markdown, for a terminal and for README.md."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from benchmarks import chart, goals
from benchmarks.scenarios import CONNECTIONS, FEW_AND_MANY, SCENARIOS, Results, Series

_README, _CHART = (Path(__file__).with_name(name) for name in ("README.md", "cpu-by-layer.svg"))
_BEGIN, _END = "<!-- begin of the table -->", "<!-- end of the table -->"
_NONE = "-"
_OTHERS = ("raw", "openbao")


def markdown(results: Results) -> str:
    """Everything that was measured, and the goals."""
    parts = [
        _machine(results),
        f"Requests per second, {CONNECTIONS} connections: median (slowest - fastest round).\n\n" + _rates(results),
        "Milliseconds per request: p50 / p99 with all connections, and p50 of a lone connection.\n\n"
        + _latencies(results),
        *_crowded(results),
        "CPU milliseconds per request, by process group.\n\n" + _cpu(results),
    ]
    if results.filled:
        parts.append("Requests per second before and after the database was filled.\n\n" + _filled(results))
    parts.append("Goals:\n\n" + _verdicts(goals.GOALS, results))
    return "\n\n".join(parts) + "\n"


def write(text: str) -> None:
    """Put the results between the markers of README.md."""
    head, _, rest = _README.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    _README.write_text(f"{head}{_BEGIN}\n\n{text}\n{_END}{tail}", encoding="utf-8")


def write_chart(results: Results) -> None:
    """Draw the CPU of each layer of ours, as `_CHART`."""
    groups = _groups(next(iter(results.table.values()))["portal"])
    rows = {SCENARIOS[name]: [*map(row["portal"].cpu_per_request, groups)] for name, row in results.table.items()}
    title = "CPU milliseconds per request, by layer"
    _CHART.write_text(chart.stacked_bars(title, groups, rows, unit="ms"), encoding="utf-8")


def _machine(results: Results) -> str:
    facts = ", ".join(f"{label} {text}" for label, text in results.machine.items())
    series = [each for row in results.table.values() for each in row.values()]
    foreign = [each.foreign for one in series for each in one.rounds]
    return (
        f"{facts}. {results.rounds} rounds of {results.seconds} s each, the systems in turn. Other programs used "
        f"{median(foreign):.0%} of the CPU meanwhile (median; at most {max(foreign):.0%} in one round); "
        f"the machine's host took {results.stolen:.1%}."
    )


def _rates(results: Results) -> str:
    rows = []
    for scenario, row in results.table.items():
        ratios = [f"{goals.ratio(results, scenario, other):.2f}" if other in row else _NONE for other in _OTHERS]
        rows.append([SCENARIOS[scenario], *(_rate(row.get(key)) for key in ("portal", *_OTHERS)), *ratios])
    return _table(["", "Vault Portal", "raw SoftHSM", "OpenBao", "ours / raw", "ours / OpenBao"], rows)


def _latencies(results: Results) -> str:
    rows = []
    for scenario, row in results.table.items():
        busy = [f"{one.p50:.1f} / {one.p99:.1f}" if one else _NONE for one in (row.get("portal"), row.get("openbao"))]
        lone = [_lone(row.get(key)) for key in ("portal", "openbao", "raw")]
        rows.append([SCENARIOS[scenario], *busy, *lone])
    return _table(["", "Vault Portal", "OpenBao", "alone: Vault Portal", "alone: OpenBao", "alone: raw"], rows)


def _crowded(results: Results) -> list[str]:
    """Milliseconds with one connection, with the usual number, and with a crowd; nothing if that was not measured."""
    rows = []
    for scenario, row in results.table.items():
        for key, name in (("portal", "Vault Portal"), ("openbao", "OpenBao")):
            if key in row and (crowded := row[key].crowded):
                few, many = (crowded[connections] for connections in FEW_AND_MANY)
                usual = f"{row[key].p50:.1f} / {row[key].p99:.1f}"
                cells = [f"{few.p50:.2f} / {few.p99:.2f}", usual, f"{many.p50:.0f} / {many.p99:.0f}"]
                rows.append([f"{SCENARIOS[scenario]}, {name}", *cells])
    if not rows:
        return []
    columns = [f"{connections} connections" for connections in (FEW_AND_MANY[0], CONNECTIONS, FEW_AND_MANY[1])]
    return ["Milliseconds per request, p50 / p99, by connections.\n\n" + _table(["", *columns], rows)]


def _cpu(results: Results) -> str:
    rows = []
    groups = _groups(next(iter(results.table.values()))["portal"])
    for scenario, row in results.table.items():
        ours = [row["portal"].cpu_per_request(group) for group in groups]
        peer, raw = row.get("openbao"), row.get("raw")
        rows.append(
            [
                SCENARIOS[scenario],
                *(f"{each:.2f}" for each in ours),
                f"{sum(ours):.2f}",
                f"{row['portal'].cpu_per_request('wrk'):.2f}",
                f"{raw.cpu_per_request('raw'):.2f}" if raw else _NONE,
                f"{peer.cpu_per_request('OpenBao'):.2f}" if peer else _NONE,
            ]
        )
    return _table(["", *groups, "ours together", "wrk", "raw", "OpenBao"], rows)


def _groups(series: Series) -> list[str]:
    """The groups of our processes, `others` last."""
    return sorted(set(series.groups) - {"wrk"}, key=lambda group: (group == "others", group.lower()))


def _filled(results: Results) -> str:
    rows = []
    for scenario, after in results.filled.items():
        before = results.empty[scenario]
        cpu = [f"{sum(map(each.cpu_per_request, _groups(each))):.2f}" for each in (before, after)]
        rows.append([SCENARIOS[scenario], _rate(before), _rate(after), f"{goals.kept(results, scenario):.2f}", *cpu])
    return _table(["", "empty", "100 000 keys and secrets more", "ratio", "CPU ms empty", "CPU ms filled"], rows)


def _verdicts(chosen: Sequence[goals.Goal], results: Results) -> str:
    return "\n".join(f"- {goal.sentence}: {goal.verdict(results)}" for goal in chosen)


def _rate(series: Series | None) -> str:
    if series is None:
        return _NONE
    slowest, fastest = series.spread
    return f"{series.rate:,.0f} ({slowest:,.0f} - {fastest:,.0f})"


def _lone(series: Series | None) -> str:
    return f"{series.lone.p50:.2f}" if series and series.lone else _NONE


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, padded so that it reads in a terminal too; figures to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = [
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in lines
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in (padded[0], rule, *padded[1:]))
