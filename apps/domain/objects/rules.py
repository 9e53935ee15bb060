"""Names in use, managed objects, and dates of deleted objects (docs/reference/wire-contract.md section 7). Pure."""

from datetime import UTC, datetime, timedelta

from apps.core.errors import Conflict, Forbidden
from apps.domain.vaults.rules import Retention


class ObjectIsDeleted(Conflict):
    """The name belongs to a deleted object, which can be recovered or purged.

    `may_recover`: the kind and the name, for a caller who may recover it; else None.
    """

    may_recover: tuple[str, str] | None = None


class ObjectExists(Conflict):
    """The name is taken: a backup never replaces an object."""


class PurgeProtected(Forbidden):
    """The vault allows no purge before the retention has passed."""


class ObjectManaged(Forbidden):
    """The key or secret belongs to a certificate."""


def purge_date(vault: Retention, *, deleted: datetime) -> datetime:
    """The date from which the scheduler purges what is deleted now."""
    return deleted + timedelta(days=vault.recoverable_days)


def check_purge(vault: Retention, *, purge_after: datetime | None, now: datetime) -> None:
    """Raise `PurgeProtected` while the vault's promise holds."""
    if vault.purge_protection and (purge_after is None or now < purge_after):
        raise PurgeProtected(
            'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault service '
            "will automatically purge it after the retention period has passed."
        )


def name_is_deleted(kind: str, name: str, *, more: str = "") -> ObjectIsDeleted:
    """The error for a name that a deleted object has, with the two ways out; `more`: further sentences."""
    return ObjectIsDeleted(
        f"{kind.capitalize()} {name} is currently in a deleted but recoverable state, and its name cannot be reused; "
        f"in this state, the {kind} can only be recovered or purged.{more and ' '}{more}"
    )


def name_can_be_recovered(kind: str, name: str, *, vault: str, deleted: datetime, by: str) -> ObjectIsDeleted:
    """The same error for those who may recover the object: who deleted it and when, and how to recover it."""
    error = name_is_deleted(
        kind,
        name,
        more=f"It was deleted{by and ' by '}{by} on {deleted.astimezone(UTC):%Y-%m-%d %H:%M} UTC. To recover it: "
        f"POST /deleted{kind}s/{name}/recover, or `portal {kind} recover {name} --vault {vault}`.",
    )
    error.may_recover = (kind, name)
    return error
