"""What stands still in words: since when, what it means, and what is to be done. First on the integrity page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.audit_reader.decryption import is_available
from apps.audit_reader.staleness import MOST, StalledProcess
from apps.interfaces.console.labels import counted
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
        "The audit worker responds; see its log for the cause. Ask the operator to check:"
        if is_available()
        else "The audit worker does not respond. Ask the operator to check it, and to restart it if it hangs:"
    )
    found = []
    if numbering:
        count = numbering.records
        records = counted(count, "record", "records", f"{MOST}+" if count >= MOST else "")
        meaning = f"{records} pending: stored, but not provable until numbered and signed."
        what = "No record was numbered and signed"
        found.append(Standstill(numbering.level, what, numbering.since, meaning, todo))
    if checking:
        meaning = "The verification results are from that time. A later change would not be detected."
        what = "No record was verified"
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
        records = f"{counted(count, 'record', 'records')} pending. " if count else ""
        todo = (
            "The delivery process is not running. Ask the operator to check:"
            if not row.runs
            else f"The storage reports: {row.state.error} Ask its owner, then the operator, to check:"
            if row.state.error
            else "The delivery process runs but makes no progress. Ask the operator to check:"
        )
        meaning = f"{records}Records are stored here, but not yet in the owner's storage."
        what = f"No records of {row.destination.vault.name} were delivered"
        found.append(Standstill(level, what, row.since, meaning, todo))
    return found
