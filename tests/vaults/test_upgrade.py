"""A vault whose name one of our own services needs: the upgrade stops, until nobody uses the vault."""

import importlib

import pytest
from django.apps import apps
from django.core.management import CommandError

from apps.domain.vaults.models import Vault
from tests.support import actors

_MIGRATIONS = {
    name: importlib.import_module(f"apps.domain.vaults.migrations.{migration}")
    for name, migration in (("auth", "0006_auth_is_reserved"), ("arm", "0009_arm_is_reserved"))
}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["auth", "Auth", "arm", "ARM"])
def test_the_upgrade_stops_and_tells_what_to_do(name):
    vault, migration = actors.make_vault(actors.make_world(), name), _MIGRATIONS[name.lower()]
    with pytest.raises(CommandError, match=rf"(?s)restore them in a vault of another name.*freeze '{name.lower()}'"):
        migration.check_name_is_free(apps, None)
    Vault.objects.filter(pk=vault.pk).update(frozen=True)
    migration.check_name_is_free(apps, None)


def test_other_names_stop_nothing(vault):
    for name, migration in _MIGRATIONS.items():
        actors.make_vault(vault.world, f"{name}ada")
        migration.check_name_is_free(apps, None)
