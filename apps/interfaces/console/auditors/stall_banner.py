"""Messages about stalled processes: since when, the consequence, and what to do. First on the integrity page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.audit_reader.decryption import is_available
from apps.audit_reader.staleness import MOST, StalledProcess
from apps.interfaces.console.labels import counted
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
    """Messages about the sequencer, which is in the audit worker, and the log verifier, which depends on it."""
    if not numbering and not checking:
        return []
    available = is_available()
    away = "The audit worker does not respond. Ask the operator to check it, and to restart it if it hangs:"
    messages = []
    if numbering:
        todo = "The audit worker responds; see its log for the cause. Ask the operator to check:" if available else away
        count = numbering.records
        records = counted(count, "record", "records", f"{MOST}+" if count >= MOST else "")
        meaning = f"{records} pending: stored, but not provable until numbered and signed."
        what = "No record was numbered and signed"
        messages.append(StallMessage(numbering.level, what, numbering.since, meaning, todo))
    if checking:
        todo = "Ask the operator to check the log verifier, and to restart it if it hangs:" if available else away
        meaning = "The verification results are from that time. A later change would not be detected."
        what = "No record was verified"
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
        messages.append(StallMessage(level, what, row.since, meaning, todo))
    return messages
