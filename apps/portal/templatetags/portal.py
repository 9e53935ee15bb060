"""Words and shapes that the templates share."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.clock import now

register = template.Library()

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@register.filter
def when(value: datetime | None) -> str | SafeString:
    """`in 6 days (29 Nov, 14:00)`, with UTC on hover; for screen readers and machines a `time` element."""
    if value is None:
        return "\N{EN DASH}"
    local = timezone.localtime(value)
    shown = f"{_distance(value)} ({local:%-d %b %Y, %H:%M})"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), f"{value:%Y-%m-%d %H:%M} UTC", shown
    )


@register.filter
def ago(value: datetime | None) -> str | SafeString:
    """The distance alone, the date on hover."""
    if value is None:
        return _("never")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', value.isoformat(), f"{value:%Y-%m-%d %H:%M} UTC", _distance(value)
    )


@register.filter
def duration(seconds: float | None) -> str:
    """`3 minutes`, in the largest unit of which there is one."""
    for size, unit in _UNITS:
        count = round((seconds or 0) / size)
        if count >= 1:
            words = {
                "day": ngettext("%(n)s day", "%(n)s days", count),
                "hour": ngettext("%(n)s hour", "%(n)s hours", count),
                "minute": ngettext("%(n)s minute", "%(n)s minutes", count),
                "second": ngettext("%(n)s second", "%(n)s seconds", count),
            }
            return words[unit] % {"n": count}
    return ""


def _distance(value: datetime) -> str:
    gap = value - now()
    words = duration(abs(gap) / timedelta(seconds=1))
    if not words:
        return _("now")
    return _("in %(t)s") % {"t": words} if gap > timedelta(0) else _("%(t)s ago") % {"t": words}


@register.filter
def grouped(value: int) -> str:
    """12 480: thousands apart by a thin space."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.filter
def widget_type(field: Any) -> str:
    """Which kind of input a bound field is."""
    return str(field.widget_type)


@register.simple_tag
def called(caller: str, names: dict[str, str]) -> str:
    """A caller by its name where the person may know that, else as the count has it."""
    return names.get(caller, caller)


@register.inclusion_tag("portal/parts/pill.html")
def pill(level: str, text: str) -> dict[str, str]:
    """A state: ok, attention, wrong or none, always with a word."""
    return {"level": level, "text": text}


@register.inclusion_tag("portal/parts/days_left.html")
def days_left(until: datetime, days: int) -> dict[str, Any]:
    """What is left of a span, as a bar with its number."""
    left = max(0.0, (until - now()) / timedelta(days=1))
    return {"left": round(left), "width": round(100 * min(1.0, left / days)), "low": left < 7}


@register.inclusion_tag("portal/parts/lines.html")
def lines(chart: Any, title: str) -> dict[str, Any]:
    """A line chart with its sentence and its table."""
    return {"chart": chart, "title": title}
