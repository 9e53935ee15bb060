"""The history of an object in sentences."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.domain.bulk_rotation.queries import turns_of
from apps.domain.catalog.history import Event, history_of
from apps.domain.identity.queries import application_names
from apps.domain.vaults.models import Vault
from apps.interfaces.console.labels import word

_LIMIT = 200


class Line(NamedTuple):
    """One thing that happened; `url` leads to more of it."""

    at: datetime
    text: str
    who: str = ""
    version: str = ""
    detail: str = ""
    url: str = ""


def lines_of(vault: Vault, kind: str, row: Any) -> list[Line]:
    """The events that rows have of the object, the latest first."""
    names = application_names()
    lines = [_line(event, names) for event in history_of(vault=vault, kind=kind, row=row, limit=_LIMIT)]
    if kind == "keys":
        for rollover, turn in turns_of(key_id=row.pk):
            text = _("Part of a rollover: %s") % rollover.reason
            url = reverse("secops:rollover", args=[rollover.pk])
            lines.append(Line(turn.changed or rollover.created, text, rollover.begun_by, "", turn.message, url))
    return sorted(lines, key=lambda line: line.at, reverse=True)[:_LIMIT]


def _line(event: Event, names: dict[str, str]) -> Line:
    who = names.get(event.who, event.who)
    text = _SENTENCES[event.what](event)
    detail = "" if event.what == "changed" else event.detail
    return Line(event.at, text, who, event.version, detail)


def _made(event: Event) -> str:
    return {
        "KeyCreate": _("A version was made"),
        "KeyRotate": _("Rolled to a new version"),
    }.get(event.kind, _("A version came to be"))


_SENTENCES: dict[str, Callable[[Event], str]] = {
    "made": _made,
    "failed": lambda _event: _("Making a version failed"),
    "changed": lambda event: _("A version was last changed; it is %s") % word(event.detail),
    "deleted": lambda _event: _("Deleted"),
    "policy": lambda _event: _("The rotation policy was last set"),
    "first use": lambda event: _("First used (%s)") % event.kind,
    "asked": lambda event: _("A second person was asked for: %s") % event.kind,
    "approved": lambda event: _("Approved: %s") % event.kind,
    "rejected": lambda event: _("Rejected: %s") % event.kind,
}
