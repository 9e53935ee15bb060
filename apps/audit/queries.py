"""Reading the trail; only the auditors' database role may."""

from collections.abc import Iterator

from apps.audit.models import AuditRecord


def list_recent(*, vault_name: str, limit: int) -> list[AuditRecord]:
    """The newest `limit` records of a vault, oldest first; an empty name means every vault and the organisation."""
    records = AuditRecord.objects.order_by("-at", "-id")
    if vault_name:
        records = records.filter(vault_name=vault_name)
    return list(records[:limit])[::-1]


def follow(*, vault_name: str, seen: AuditRecord | None) -> Iterator[AuditRecord]:
    """Records that came after `seen`, oldest first."""
    records = AuditRecord.objects.order_by("id")
    if vault_name:
        records = records.filter(vault_name=vault_name)
    if seen is not None:
        records = records.filter(id__gt=seen.id)
    return records.iterator()
