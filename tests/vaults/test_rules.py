"""Retention and purge protection, to the second."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from apps.domain.vaults.rules import (
    BadRetention,
    PurgeProtected,
    RetentionProtected,
    check_purge,
    check_retention_change,
    purge_date,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Vault:
    recoverable_days: int = 30
    purge_protection: bool = True


def test_a_purge_is_due_after_the_days_of_the_vault():
    assert purge_date(Vault(), deleted=NOW) == datetime(2026, 3, 31, tzinfo=UTC)


@pytest.mark.parametrize("purge_after", [None, NOW + timedelta(seconds=1)])
def test_a_protected_object_is_not_purged_before_its_retention_is_over(purge_after):
    with pytest.raises(PurgeProtected):
        check_purge(Vault(), purge_after=purge_after, now=NOW)
    check_purge(Vault(purge_protection=False), purge_after=purge_after, now=NOW)


def test_a_protected_object_is_purged_when_its_retention_is_over():
    check_purge(Vault(), purge_after=NOW, now=NOW)


@pytest.mark.parametrize("days", [6, 91])
def test_a_retention_has_7_to_90_days(days):
    with pytest.raises(BadRetention):
        check_retention_change(Vault(purge_protection=False), days=days, purge_protection=False)


def test_purge_protection_stays_and_its_retention_is_not_shortened():
    with pytest.raises(RetentionProtected):
        check_retention_change(Vault(), days=30, purge_protection=False)
    with pytest.raises(RetentionProtected):
        check_retention_change(Vault(), days=29, purge_protection=True)
    for days in (30, 90):
        check_retention_change(Vault(), days=days, purge_protection=True)
    check_retention_change(Vault(purge_protection=False), days=7, purge_protection=True)
