"""What a vault may promise about retention and purge protection."""

from dataclasses import dataclass

import pytest

from apps.domain.vaults.rules import BadRetention, RetentionProtected, check_retention_change


@dataclass(frozen=True)
class Vault:
    recoverable_days: int = 30
    purge_protection: bool = True


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
