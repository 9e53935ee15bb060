"""A vault whose name the token service needs: the upgrade stops, until nobody uses the vault."""

import importlib

import pytest
from django.apps import apps
from django.core.management import CommandError

from apps.domain.vaults.models import Vault
from tests.support import actors

_MIGRATION = importlib.import_module("apps.domain.vaults.migrations.0006_auth_is_reserved")
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["auth", "Auth"])
def test_the_upgrade_stops_and_tells_what_to_do(name):
    vault = actors.make_vault(actors.make_world(), name)
    with pytest.raises(CommandError, match=r"(?s)restore them in a vault of another name.*freeze 'auth'"):
        _MIGRATION.check_name_is_free(apps, None)
    Vault.objects.filter(pk=vault.pk).update(frozen=True)
    _MIGRATION.check_name_is_free(apps, None)


def test_other_names_stop_nothing(vault):
    actors.make_vault(vault.world, "authority")
    _MIGRATION.check_name_is_free(apps, None)
