"""Vault names, retention and purge protection (docs/reference/wire-contract.md sections 4, 6 and 7). Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from apps.core.errors import BadRequest, Conflict, Forbidden

_NAME = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9]){2,23}\Z")
RESERVED = frozenset({"login", "auth", "portal", "audit", "arm", "www", "api"})  # host names of ours
RETENTION_DAYS = range(7, 91)
LONGEST_RETENTION = 90
NEAR_EXPIRY_DAYS = range(1, 366)
_MOST_TAGS, _LONGEST_TAG_NAME, _LONGEST_TAG_VALUE = 50, 512, 256
TEST_BACKUP = "A test vault takes backups of its owner's own test vaults only."


class BadVaultName(BadRequest):
    """Not a name that a vault may have."""


class BadRetention(BadRequest):
    """A retention outside 7 to 90 days."""


class RetentionProtected(Conflict):
    """Purge protection cannot be taken back, nor its retention shortened."""


class NotInTestVault(BadRequest):
    """A test vault has software-protected keys, and no production."""


class VaultPurgeProtected(Forbidden):
    """The vault may not be purged before its retention has passed."""


class BadNotice(BadRequest):
    """Notices of expiry outside 1 to 365 days."""


class BadTags(BadRequest):
    """Tags that are too many or too long."""


class Tested(Protocol):
    """The fact of a vault that decides what it may hold."""

    @property
    def test(self) -> bool: ...


class Retention(Protocol):
    """The facts of a vault that decide about deletion."""

    @property
    def recoverable_days(self) -> int: ...
    @property
    def purge_protection(self) -> bool: ...


def check_name(name: str) -> None:
    """Raise `BadVaultName` unless it is 3-24 letters, digits and single hyphens, beginning with a letter."""
    if not _NAME.match(name) or len(name) > 24:
        raise BadVaultName(
            "A vault's name has 3 to 24 letters, digits and single hyphens, begins with a letter and does not end "
            "with a hyphen."
        )
    if name.lower() in RESERVED:
        raise BadVaultName(f"The name '{name}' is reserved. Choose another.")


def check_retention_days(days: int) -> None:
    """Raise `BadRetention`."""
    if days not in RETENTION_DAYS:
        raise BadRetention("Deleted objects can be kept for 7 to 90 days.")


def check_near_expiry_days(days: int) -> None:
    """Raise `BadNotice`."""
    if days not in NEAR_EXPIRY_DAYS:
        raise BadNotice("Notice of an expiry can be given 1 to 365 days before it.")


def check_retention_change(vault: Retention, *, days: int, purge_protection: bool) -> None:
    """Raise unless the vault's promise stays or grows. Raises `BadRetention`, `RetentionProtected`."""
    check_retention_days(days)
    if vault.purge_protection and not purge_protection:
        raise RetentionProtected("Purge protection cannot be switched off once it is on.")
    if vault.purge_protection and days < vault.recoverable_days:
        raise RetentionProtected("The retention of a vault with purge protection cannot be shortened.")


def check_vault_purge(vault: Retention, *, purge_after: datetime | None, now: datetime) -> None:
    """Raise `VaultPurgeProtected` while the promise of a vault with purge protection holds."""
    if vault.purge_protection and (purge_after is None or now < purge_after):
        until = f" on {purge_after:%Y-%m-%d %H:%M} UTC" if purge_after else ""
        raise VaultPurgeProtected(
            f"The vault has purge protection: it is purged when its retention period ends{until}, not before."
        )


def check_tags(tags: Mapping[str, str]) -> None:
    """Raise `BadTags`. The limits are Azure's, "Use tags to organize your Azure resources", limitations."""
    if len(tags) > _MOST_TAGS:
        raise BadTags(f"A vault has at most {_MOST_TAGS} tags.")
    for name, value in tags.items():
        if not 1 <= len(name) <= _LONGEST_TAG_NAME or len(value) > _LONGEST_TAG_VALUE:
            raise BadTags(
                f"The name of a tag has 1 to {_LONGEST_TAG_NAME} characters, its value at most {_LONGEST_TAG_VALUE}."
            )
        if "\0" in name + value:
            raise BadTags("A tag has no NUL character.")


def check_production(vault: Tested, *, production: bool) -> None:
    """Raise `NotInTestVault`: a developer's test vault never becomes a production vault."""
    if vault.test and production:
        raise NotInTestVault("A test vault cannot become a production vault. Create another vault.")


def check_protection(vault: Tested, *, hardware: bool) -> None:
    """Raise `NotInTestVault` for a key of the HSM in a test vault."""
    if vault.test and hardware:
        raise NotInTestVault(
            "This is a test vault: its keys are protected by software. Ask for RSA, EC or oct instead of RSA-HSM, "
            "EC-HSM or oct-HSM."
        )


def recovery_level(vault: Retention) -> str:
    """`recoveryLevel` of the vault's objects (docs/reference/wire-contract.md section 6)."""
    level = "Recoverable" if vault.recoverable_days == LONGEST_RETENTION else "CustomizedRecoverable"
    return level if vault.purge_protection else f"{level}+Purgeable"
