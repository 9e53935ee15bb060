"""Purge protection and the date of a purge, to the second."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from apps.domain.objects.rules import PurgeProtected, check_purge, purge_date

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
