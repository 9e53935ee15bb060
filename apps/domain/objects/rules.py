"""Names in use, managed objects, and dates of deleted objects (docs/reference/wire-contract.md section 7). Pure."""

from datetime import datetime, timedelta

from apps.core.errors import Conflict, Forbidden
from apps.domain.vaults.rules import Retention


class ObjectIsDeleted(Conflict):
    """The name belongs to a deleted object, which can be recovered or purged."""


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


def name_is_deleted(kind: str, name: str) -> ObjectIsDeleted:
    """The error for a name that a deleted object has, with the two ways out."""
    return ObjectIsDeleted(
        f"{kind.capitalize()} {name} is currently in a deleted but recoverable state, and its name cannot be reused; "
        f"in this state, the {kind} can only be recovered or purged."
    )
