"""The consumers of a key: which caller used which version last, and which ones still need the old version.

A consumer is a caller that used the version successfully, by the usage counters
(docs/decisions/0011-usage-counters.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.domain.bulk_rotation import rules
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.bulk_rotation.rules import Consumer, Standing, VersionUse
from apps.domain.events.models import Acknowledgement
from apps.domain.identity.queries import application_names
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key
from apps.domain.keys.operations.retirement import REFUSED_WHEN_DISABLED
from apps.domain.vaults.models import Vault
from apps.usage.queries import uses_of_versions

STAGED = (Rollover.Kind.STAGED, Rollover.Kind.EMERGENCY)
_AT_ONCE = 1000  # keys in one statement, which may have 65 535 parameters


@dataclass(frozen=True, slots=True)
class ConsumerLine:
    """One row of the grid. `standing`: "" if no rollover of the key was announced."""

    consumer: Consumer
    application: str  # its name; the caller as records name it, if it is no known application
    standing: Standing | str


@dataclass(frozen=True, slots=True)
class ConsumerGrid:
    """The consumers of the old and the new version of a key.

    `rollover` and `turn`: the latest staged or emergency rollover of the key and the key's row in it, or None. Without
    one, the versions are the newest two, and `old_version` is "" if there is one only. `moved_at`: the time at which
    all consumers have moved, if none uses the old version again; None without an announcement.
    """

    key: str
    old_version: str
    new_version: str
    rollover: Rollover | None
    turn: RolloverKey | None
    lines: list[ConsumerLine]
    moved_at: datetime | None

    @property
    def behind(self) -> int:
        """The number of consumers that have not moved."""
        return sum(line.standing == Standing.BEHIND for line in self.lines)


def consumers_of(*, vault_id: UUID, turns: Sequence[RolloverKey]) -> dict[UUID, list[Consumer]]:
    """Map each of these keys (by the id of its row in the rollover) to its consumers, the latest call first."""
    found: dict[UUID, list[Consumer]] = {}
    for start in range(0, len(turns), _AT_ONCE):
        found |= _consumers_of_some(vault_id, turns[start : start + _AT_ONCE])
    return found


def _consumers_of_some(vault_id: UUID, turns: Sequence[RolloverKey]) -> dict[UUID, list[Consumer]]:
    places: dict[str, list[tuple[UUID, bool]]] = defaultdict(list)
    for turn in turns:
        for version, is_old in ((turn.old_version, True), (turn.new_version, False)):
            if version:
                places[KEYS.object_id(turn.name, version)].append((turn.pk, is_old))
    found: dict[UUID, dict[UUID, dict[bool, VersionUse]]] = {turn.pk: {} for turn in turns}
    names: dict[UUID, str] = {}
    rows = uses_of_versions(vault_id=vault_id, object_ids=places, operations=REFUSED_WHEN_DISABLED)
    for object_id, caller_id, caller, calls, would_fail, last in rows:
        names.setdefault(caller_id, caller)
        for pk, is_old in places[object_id]:
            uses = found[pk].setdefault(caller_id, {})
            use = VersionUse(calls, last, would_fail)  # one of several when its name changed, or another spelling
            uses[is_old] = uses[is_old] + use if is_old in uses else use
    acknowledged = _acknowledgements(turns)
    for pk, caller_id, caller in acknowledged:
        names.setdefault(caller_id, caller)
        found[pk].setdefault(caller_id, {})
    times = {(pk, caller_id): at for (pk, caller_id, _), at in acknowledged.items()}
    return {
        pk: [
            Consumer(caller, names[caller], uses.get(True), uses.get(False), times.get((pk, caller)))
            for caller, uses in callers.items()
        ]
        for pk, callers in found.items()
    }


def consumer_grid(*, vault: Vault, key: Key, now: datetime) -> ConsumerGrid:
    """Build the grid of one key. `now`: aware, by the lifecycle clock."""
    turn = _latest_turn(key)
    rollover = turn.rollover if turn else None
    shown = turn or _newest_versions(key)
    consumers = consumers_of(vault_id=vault.pk, turns=[shown])[shown.pk]
    announced, quiet = (turn.announced, timedelta(days=turn.rollover.quiet_days)) if turn else (None, timedelta())
    names = application_names()

    def line(consumer: Consumer) -> ConsumerLine:
        standing = consumer.standing(announced=announced, quiet=quiet, now=now) if announced else ""
        return ConsumerLine(consumer, names.get(consumer.caller, consumer.caller), standing)

    moved_at = rules.all_moved_at(consumers, announced=announced, quiet=quiet) if announced else None
    return ConsumerGrid(
        key.name, shown.old_version, shown.new_version, rollover, turn, [line(one) for one in consumers], moved_at
    )


def are_moved(*, rollover: Rollover, turns: Iterable[RolloverKey], now: datetime) -> dict[UUID, bool]:
    """Map the id of each announced row of a rollover to whether all consumers of its old version have moved."""
    announced = [turn for turn in turns if turn.announced is not None]
    consumers = consumers_of(vault_id=rollover.vault_id, turns=announced)
    quiet = timedelta(days=rollover.quiet_days)
    return {
        turn.pk: rules.all_moved_at(consumers[turn.pk], announced=turn.announced, quiet=quiet) <= now
        for turn in announced
        if turn.announced is not None
    }


def _acknowledgements(turns: Sequence[RolloverKey]) -> dict[tuple[UUID, UUID, str], datetime]:
    """(row of the rollover, caller's id, caller) -> when the caller acknowledged the new version."""
    by_version = {(turn.key_id, turn.new_version): turn.pk for turn in turns if turn.new_version}
    rows = Acknowledgement.objects.filter(
        object_id__in=[turn.key_id for turn in turns], version__in=[turn.new_version for turn in turns]
    )
    return {
        (by_version[row.object_id, row.version], row.principal_id, row.client_id): row.at
        for row in rows
        if (row.object_id, row.version) in by_version
    }


def _latest_turn(key: Key) -> RolloverKey | None:
    rows = RolloverKey.objects.filter(key_id=key.pk, rollover__kind__in=STAGED).exclude(old_version="")
    return rows.select_related("rollover__vault").order_by("-pk").first()


def _newest_versions(key: Key) -> RolloverKey:
    """Return the newest two versions as a row that is not stored; `old_version` is "" if there is one only."""
    versions = KEYS.versions().filter(key=key).order_by("-created", "-pk").values_list("version", flat=True)[:2]
    newest, *older = list(versions) or [""]
    return RolloverKey(key_id=key.pk, name=key.name, new_version=newest, old_version=older[0] if older else "")
