"""SecretClient, sync: delete, recover, purge, back up, restore."""

import pytest

from tests.support.sdk import refused

pytestmark = pytest.mark.stack


def test_a_deleted_secret_is_gone_recoverable_and_purgeable(secrets, name):
    made = secrets.set_secret(name, "value", content_type="text/plain")
    deleted = secrets.begin_delete_secret(name).result()
    assert deleted.recovery_id.endswith(f"/deletedsecrets/{name}")
    assert (deleted.id, deleted.properties.content_type) == (made.id, "text/plain")
    for version in (None, made.properties.version):
        refused(404, secrets.get_secret, name, version)
    assert list(secrets.list_properties_of_secret_versions(name)) == []
    assert name in {secret.name for secret in secrets.list_deleted_secrets()}
    refused(409, secrets.set_secret, name, "other", inner="ObjectIsDeletedButRecoverable")
    recovered = secrets.begin_recover_deleted_secret(name).result()
    assert recovered.id == made.id
    assert secrets.get_secret(name).value == "value"
    secrets.begin_delete_secret(name).wait()
    secrets.purge_deleted_secret(name)
    refused(404, secrets.get_deleted_secret, name, text="(SecretNotFound) Deleted Secret not found")


def test_a_backup_brings_every_version_back(secrets, name):
    old = secrets.set_secret(name, "old", tags={"n": "1"})
    new = secrets.set_secret(name, "new \N{SNOWMAN}")
    backup = secrets.backup_secret(name)
    refused(409, secrets.restore_secret_backup, backup)
    secrets.begin_delete_secret(name).wait()
    secrets.purge_deleted_secret(name)
    restored = secrets.restore_secret_backup(backup)
    assert (restored.id, restored.created_on) == (new.id, new.properties.created_on)
    assert secrets.get_secret(name).value == "new \N{SNOWMAN}"
    found = secrets.get_secret(name, old.properties.version)
    assert (found.value, found.properties.tags) == ("old", {"n": "1"})
    assert b"new" not in backup
