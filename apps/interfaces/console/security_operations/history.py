"""The history of an object in sentences."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.urls import reverse

from apps.audit_log.operation_names import Operation
from apps.domain.bulk_rotation.queries import list_rotations_of_key
from apps.domain.catalog.history import Event, list_history
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
    lines = [_line(event, names) for event in list_history(vault=vault, kind=kind, row=row, limit=_LIMIT)]
    if kind == "keys":
        for rollover, turn in list_rotations_of_key(key_id=row.pk):
            text = f"{word(rollover.kind).capitalize()}: {rollover.reason}"
            url = reverse("secops:rollover", args=[rollover.pk])
            lines.append(Line(turn.changed or rollover.created, text, rollover.begun_by, "", turn.message, url))
    return sorted(lines, key=lambda line: line.at, reverse=True)[:_LIMIT]


def _line(event: Event, names: dict[str, str]) -> Line:
    who = names.get(event.who, event.who)
    text = _SENTENCES[event.what](event)
    detail = "" if event.what == "changed" else event.detail
    return Line(event.at, text, who, event.version, detail)


def _made(event: Event) -> str:
    return "Rotated to a new version" if event.kind == Operation.KEY_ROTATE else "Version created"


_SENTENCES: dict[str, Callable[[Event], str]] = {
    "made": _made,
    "failed": lambda _event: "Creating a version failed",
    "changed": lambda event: f"Version last changed; now {word(event.detail)}",
    "deleted": lambda _event: "Deleted",
    "policy": lambda _event: "Rotation policy last set",
    "first use": lambda event: f"First used ({event.kind})",
    "asked": lambda event: f"Approval requested: {event.kind}",
    "approved": lambda event: f"Approved: {event.kind}",
    "rejected": lambda event: f"Rejected: {event.kind}",
}
