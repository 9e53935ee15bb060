"""Anomalies, from the usage counters alone, without the audit log."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.audit_log.operation_names import USES, Operation
from apps.core.sql import select
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults.models import Vault
from apps.usage import queries as usage

_DAY = timedelta(days=1)
_PROTECTING = [Operation.KEY_SIGN, Operation.KEY_ENCRYPT, Operation.KEY_WRAP]
_MAX_USES = 500  # uses of keys, the latest: a page waits for it

# Uses of an old version that protect new data after a rotation; decrypting is what old versions are for. One minute of
# grace for caches of the current version and requests in progress.
_OLD_VERSIONS = """
    SELECT u.caller, u.caller_id, v.name, k.name, split_part(u.object_id, '/', 3), u.operation, u.last, c.created
    FROM (SELECT * FROM usage_usecount WHERE last >= %(since)s AND done > 0
            AND operation = ANY(%(protecting)s) AND object_id LIKE 'keys/%%/%%'
          ORDER BY last DESC LIMIT %(looked)s) u
    JOIN keys_key k ON k.vault_id = u.vault_id AND k.folded_name = lower(split_part(u.object_id, '/', 2))
    JOIN keys_keyversion c ON c.id = k.current_id AND c.version <> split_part(u.object_id, '/', 3)
    JOIN vaults_vault v ON v.id = u.vault_id
    WHERE k.deleted IS NULL AND u.last > c.created + interval '1 minute'
    ORDER BY u.last DESC LIMIT %(limit)s"""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`what`: `refusals`, `first time` or `old version`. `count` and `usual` for denials only."""

    what: str
    at: datetime
    caller: str  # as records name it
    caller_id: UUID
    vault: str = ""
    name: str = ""  # the key
    version: str = ""
    operation: str = ""
    count: int = 0
    usual: float = 0.0


def list_anomalies(*, now: datetime, limit: int) -> list[Anomaly]:
    """List the anomalies of the last day: bursts of denials first, then the latest."""
    others = [*_list_first_times(now, limit), *_list_old_versions(now, limit)]
    others.sort(key=lambda anomaly: anomaly.at, reverse=True)
    return [*_list_bursts(now, limit), *others][:limit]


def _list_bursts(now: datetime, limit: int) -> list[Anomaly]:
    rows = [row for row in usage.list_denials(now=now, limit=200) if row.burst][:limit]
    last = usage.last_denied(caller_ids=[row.caller_id for row in rows])
    names = _vault_names()
    bursts = []
    for row in rows:
        use = last.get(row.caller_id)
        vault = names.get(use.vault_id, "") if use else ""
        at, operation = (use.last, use.operation) if use else (now, "")
        bursts.append(
            Anomaly(
                "refusals", at, row.caller, row.caller_id, vault, operation=operation, count=row.lately, usual=row.usual
            )
        )
    return bursts


def _list_first_times(now: datetime, limit: int) -> list[Anomaly]:
    """List callers that are new to a vault. New vaults do not count, since every caller is new to them."""
    settled = {row.pk: row.name for row in Vault.objects.filter(created__lt=now - _DAY)}
    uses = [
        use
        for use in usage.first_time_callers(operations=USES, since=now - _DAY, limit=1000)
        if use.vault_id in settled
    ][:limit]
    return [
        Anomaly("first time", use.first, use.caller, use.caller_id, settled[use.vault_id], operation=use.operation)
        for use in uses
    ]


def _list_old_versions(now: datetime, limit: int) -> list[Anomaly]:
    """List one anomaly for each caller and key."""
    values = {"since": now - _DAY, "protecting": _PROTECTING, "looked": _MAX_USES, "limit": limit * 5}
    rows = select(_OLD_VERSIONS, values)
    first: dict[tuple[UUID, str, str], Anomaly] = {}
    for caller, caller_id, vault, name, version, operation, last, _ in rows:
        anomaly = Anomaly("old version", last, caller, caller_id, vault, name, version, operation)
        first.setdefault((caller_id, vault, name), anomaly)
    return list(first.values())[:limit]


def _vault_names() -> dict[UUID, str]:
    return dict(Vault.objects.values_list("pk", "name"))


def map_applications(callers: list[Anomaly]) -> dict[UUID, ApplicationIdentity]:
    """Map principals to the applications among the callers."""
    rows = ApplicationIdentity.objects.filter(pk__in=[anomaly.caller_id for anomaly in callers])
    return {row.pk: row for row in rows}
