"""The name `arm` belongs to the resource management API from now on: a vault of that name no longer answers."""

from typing import Any

from django.core.management import CommandError
from django.db import migrations

_EXPLANATION = """There is a vault named 'arm'. From this version on, the resource management API answers at that host
name, and the vault's keys, secrets and certificates could not be reached. Nothing was changed in the database.
With the version that you had: back up the vault's objects, restore them in a vault of another name, point its programs
at that one, and freeze 'arm'. Then upgrade again: a vault of that name which is frozen does not stop the upgrade."""


def check_name_is_free(apps: Any, _schema_editor: Any) -> None:
    """Raise `CommandError` for a vault of that name in use: its owner decides, before its programs fail."""
    if apps.get_model("vaults", "Vault").objects.filter(name__iexact="arm", frozen=False).exists():
        raise CommandError(_EXPLANATION)


class Migration(migrations.Migration):
    dependencies = [("vaults", "0008_deleted_vaults")]
    operations = [migrations.RunPython(check_name_is_free, migrations.RunPython.noop)]
