"""What stands still in words: since when, what it means, and what is to be done. First on the integrity page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.audit_reader.decryption import is_available
from apps.audit_reader.staleness import MOST, StalledProcess
from apps.log_delivery.queries import DeliveryStatus


@dataclass(frozen=True, slots=True)
class Standstill:
    """One sentence, between which the template says the moment: `what` since `since`: `meaning` `todo`."""

    level: str
    what: str
    since: datetime
    meaning: str
    todo: str


def of_the_log(numbering: StalledProcess | None, checking: StalledProcess | None) -> list[Standstill]:
    """The sequencer and the server's check, both in the audit worker: it is asked whether it answers, once."""
    if not numbering and not checking:
        return []
    todo = (
        _("The audit worker answers; what keeps it is in its log. Have the operator look:")
        if is_available()
        else _("The audit worker does not answer. Have the operator look at it, and start it again when it hangs:")
    )
    found = []
    if numbering:
        count = numbering.records
        text = ngettext("%(n)s record waits", "%(n)s records wait", count) % {
            "n": count if count < MOST else f"{MOST}+"
        }
        meaning = _("%(records)s. They are kept; until they are numbered and signed, nothing proves them.")
        what = _("No record was numbered and signed")
        found.append(Standstill(numbering.level, what, numbering.since, meaning % {"records": text}, todo))
    if checking:
        meaning = _("What is said of verification is from then. A change made since would not be shown.")
        what = _("No record was checked again")
        found.append(Standstill(checking.level, what, checking.since, meaning, todo))
    return found


def of_deliveries(told: Iterable[DeliveryStatus], *, now: datetime) -> list[Standstill]:
    """Each destination that lacks records for too long, whatever its process has told last."""
    found = []
    for row in told:
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
        found.append(Standstill(level, what, row.since, meaning, todo))
    return found
