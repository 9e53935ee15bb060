"""Tags and filters of the templates. None of them reads the database."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.clock import lifecycle_now, now
from apps.domain.access.roles import ROLES
from apps.interfaces.console import charts, labels

register = template.Library()
register.filter(charts.grouped)
register.filter(labels.word)
register.filter(labels.browser)
register.filter(labels.level)

_CLIENT_ID = re.compile(r"[0-9a-f-]{36}")
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


@register.filter
def when(value: datetime | None) -> str | SafeString:
    """`in 6 days (29 Nov, 14:00)`, with UTC on hover; for screen readers and machines a `time` element."""
    if value is None:
        return "\N{EN DASH}"
    return _time(value, f"{_distance(value)} ({timezone.localtime(value):%-d %b %Y, %H:%M})")


@register.filter
def ago(value: datetime | None) -> str | SafeString:
    """The distance alone, the date on hover."""
    if value is None:
        return "never"
    return _time(value, _distance(value))


@register.filter
def exactly(value: datetime | None) -> str | SafeString:
    """The moment itself in the person's zone, to the second, with UTC on hover: for logs."""
    if value is None:
        return "\N{EN DASH}"
    return _time(value, moment(value), "%Y-%m-%d %H:%M:%S.%f")


@register.filter
def moment(value: datetime | None) -> str:
    """The same as plain text: for attributes, and inside pictures."""
    return "" if value is None else f"{timezone.localtime(value):%-d %b %H:%M:%S}"


def _time(value: datetime, shown: str, utc: str = "%Y-%m-%d %H:%M") -> SafeString:
    return format_html('<time datetime="{}" title="{} UTC">{}</time>', value.isoformat(), f"{value:{utc}}", shown)


@register.filter
def weekday(number: int) -> str:
    """Monday is 1."""
    return str(WEEKDAYS_ABBR[number - 1])


@register.filter
def local_input(value: datetime | None) -> str:
    """For an input of type datetime-local."""
    return "" if value is None else f"{timezone.localtime(value):%Y-%m-%dT%H:%M}"


@register.filter
def duration(seconds: float | None) -> str:
    """`3 minutes`, in the largest unit of which there is one."""
    for size, unit in _UNITS:
        count = round((seconds or 0) / size)
        if count >= 1:
            return labels.counted(count, unit, f"{unit}s")
    return ""


def _distance(value: datetime) -> str:
    moment = now()
    if value > moment:  # under a moved clock it is a date of an object, which may have passed
        moment = lifecycle_now()
    gap = value - moment
    length = duration(abs(gap) / timedelta(seconds=1))
    if not length:
        return "now"
    return f"in {length}" if gap > timedelta(0) else f"{length} ago"


@register.simple_tag
def caller(text: str, names: dict[str, str]) -> SafeString:
    """A caller by the name that people know, its client id on hover; an unknown one as it is."""
    if name := names.get(text):
        return format_html('<span title="{}">{}</span>', text, name)
    return format_html("<code>{}</code>" if _CLIENT_ID.fullmatch(text) else "{}", text)


@register.filter
def milliseconds(value: float) -> str:
    """`0.83 ms`, `4.1 ms`, `120 ms`, `1.4 s`: as many figures as say something."""
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


@register.filter
def share(value: float, whole: float) -> int:
    """Percent of a whole, at least 1 for anything at all: the length of a bar."""
    return max(1, min(100, round(100 * value / whole))) if value and whole else 0


@register.filter
def explained(field: Any) -> list[tuple[str, str, str, bool]]:
    """(value, name, explanation, is it chosen) of each role of a field for roles."""
    values = [str(value) for value, _label in getattr(field.field, "choices", ())]
    if not values or not set(values) <= ROLES.keys():
        return []
    chosen = str(field.value() or values[0])  # what a browser shows as chosen
    return [(value, ROLES[value].name, ROLES[value].explanation, value == chosen) for value in values]


@register.inclusion_tag("portal/parts/pill.html")
def pill(level: str, text: str) -> dict[str, str]:
    """A state: ok, attention, wrong or none, always with a word."""
    return {"level": level, "text": labels.word(text)}


@register.inclusion_tag("portal/parts/days_left.html")
def days_left(until: datetime, days: int) -> dict[str, Any]:
    """The remaining days of a period, as a bar with its number."""
    left = max(0.0, (until - lifecycle_now()) / timedelta(days=1))
    return {"left": round(left), "width": round(100 * min(1.0, left / days)), "low": left < 7}


@register.inclusion_tag("portal/parts/as_command.html", takes_context=True)
def as_command(
    context: template.Context, command: Any, form: Any = None, name: str = "as-command", *, asks: bool = False
) -> dict[str, Any]:
    """The CLI command that does the same as a form or a page (`apps.interfaces.console.form_commands`).

    `name`: its id, where a page has several; inside a form it follows that one. `asks`: for what no argument carries.
    """
    if form is None:
        return {"line": command, "name": name, "asks": asks}
    return {
        "line": command.line_of(form),
        "name": name,
        "asks": asks,
        "form": form,
        "url": f"{reverse('as_command', args=[type(form).__name__])}?{urlencode(command.context)}",
        "fields": ",".join(command.fields),
        "secrets": " ".join(command.secrets),
        "csrf_token": context.get("csrf_token"),
    }
