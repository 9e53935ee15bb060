"""Messages about stalled processes: since when, the consequence, and what to do. First on the integrity page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.audit_reader.decryption import is_available
from apps.audit_reader.staleness import MOST, StalledProcess
from apps.log_delivery.queries import DeliveryStatus


@dataclass(frozen=True, slots=True)
class StallMessage:
    """One message; the template joins it with the time: `what` since `since`: `meaning` `todo`."""

    level: str
    what: str
    since: datetime
    meaning: str
    todo: str


def of_the_log(numbering: StalledProcess | None, checking: StalledProcess | None) -> list[StallMessage]:
    """Messages about the sequencer and the verification, which both run in the audit worker."""
    if not numbering and not checking:
        return []
    todo = (
        _("The audit worker answers; what keeps it is in its log. Have the operator look:")
        if is_available()
        else _("The audit worker does not answer. Have the operator look at it, and start it again when it hangs:")
    )
    messages = []
    if numbering:
        count = numbering.records
        text = ngettext("%(n)s record waits", "%(n)s records wait", count) % {
            "n": count if count < MOST else f"{MOST}+"
        }
        meaning = _("%(records)s. They are kept; until they are numbered and signed, nothing proves them.")
        what = _("No record was numbered and signed")
        messages.append(StallMessage(numbering.level, what, numbering.since, meaning % {"records": text}, todo))
    if checking:
        meaning = _("What is said of verification is from then. A change made since would not be shown.")
        what = _("No record was checked again")
        messages.append(StallMessage(checking.level, what, checking.since, meaning, todo))
    return messages


def of_deliveries(statuses: Iterable[DeliveryStatus], *, now: datetime) -> list[StallMessage]:
    """Messages about destinations with records that wait too long, whatever their process reported last."""
    messages = []
    for row in statuses:
        level = row.level(now=now)
        if level not in ("attention", "wrong") or row.since is None:
            continue
        count = row.waits[1] if row.waits else 0
        records = ngettext("%(n)s record waits", "%(n)s records wait", count) % {"n": count} + ". " if count else ""
        todo = (
            _("No delivery process runs. Have the operator look:")
            if not row.runs
            else _("The storage refuses: %s Have its owner look, and then the operator:") % row.state.error
            if row.state.error
            else _("The delivery process runs and does not come further. Have the operator look:")
        )
        meaning = _("%(records)sThey are here, and not yet where their owner keeps them.") % {"records": records}
        what = _("Nothing of %s was delivered") % row.destination.vault.name
        messages.append(StallMessage(level, what, row.since, meaning, todo))
    return messages
