"""Backups are encrypted under a key that takes the HSM and the world's ML-KEM key; format 1 is still restored."""

import base64
import hashlib
import os
import socket
import uuid
from pathlib import Path

import msgspec
import psycopg
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

from apps.domain.hsm_client import protocol
from apps.domain.objects import backups
from apps.launcher import processes
from apps.launcher.account import Account
from apps.launcher.state import StateDirectory
from tests.support import programs
from tests.support.sdk import refused

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def vault(management):
    return management.vault()


@pytest.fixture(scope="module")
def backup(stack, vault):
    """A key with two versions, backed up and purged: (name, blob, the version that signs)."""
    name = f"hybrid-{uuid.uuid4().hex[:8]}"
    with stack.sdk(KeyClient, vault) as keys:
        first = keys.create_ec_key(name, hardware_protected=True, tags={"colour": "ultramarine"})
        keys.rotate_key(name)
        blob = keys.backup_key(name)
        purge(keys, name)
    return name, blob, first.id


def purge(keys, name):
    keys.begin_delete_key(name).wait()
    keys.purge_deleted_key(name)


def parsed(blob):
    return backups.parse_backup(base64.urlsafe_b64encode(blob).decode().rstrip("="))


def decrypted(backup):
    """The backup in clear, as the web process gets it from an HSM worker."""
    (path, *_) = sorted((Path(os.environ["LANE_DIR"]) / "europe" / "web").glob("*.sock"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        sent = protocol.CheckBackup(0.0, backup.facts.vault_id, backup.header, backup.mac, backup.encapsulated)
        connection.send(protocol.pack_request(sent))
        code, answer = msgspec.msgpack.decode(connection.recv(200_000))[:2]
    assert code == "" and answer[0] is True
    return backups.decrypt_parts(backup, answer[1])


def sized(data):
    return len(data).to_bytes(4) + data


def test_nothing_but_the_header_is_in_clear(backup):
    name, blob, kid = backup
    found = parsed(blob)
    assert blob.startswith(b"VaultPortalBackup2\n") and (len(found.encapsulated), len(found.parts)) == (1088, 2)
    assert name.encode() in found.header
    assert not any(text in blob for text in (b"ultramarine", kid[-32:].encode(), b"public_key", b"custody"))
    clear = decrypted(found)
    assert b"ultramarine" in clear.parts[0]
    assert [hashlib.sha256(part).hexdigest() for part in clear.parts] == found.facts.parts


def test_each_region_counts(stack, vault, backup):
    """The encapsulated key too: another one gives another key, by which no part opens."""
    _, blob, _ = backup
    begin = blob.index(parsed(blob).encapsulated)
    with stack.sdk(KeyClient, vault) as keys:
        for at in (begin - 1, begin, begin + 1087, begin + 1088 + 5, len(blob) - 1):
            changed = bytearray(blob)
            changed[at] ^= 1
            refused(400, keys.restore_key_backup, bytes(changed), text="damaged")
        for end in (begin, begin + 500, begin + 1088, len(blob) - 1):
            refused(400, keys.restore_key_backup, blob[:end], text="damaged")


def test_the_key_of_another_backup_opens_nothing(stack, vault, backup):
    _, blob, _ = backup
    found = parsed(blob)
    with stack.sdk(SecretClient, vault) as secrets:
        secrets.set_secret("other", "value")
        other = parsed(secrets.backup_secret("other"))
    mixed = blob.replace(found.encapsulated, other.encapsulated)
    with stack.sdk(KeyClient, vault) as keys:
        refused(400, keys.restore_key_backup, mixed, text="damaged")
        with pytest.raises(backups.BadBackup):
            backups.decrypt_parts(found, bytes(32))


def test_a_backup_of_format_1_is_restored(stack, vault, backup):
    """As versions until now wrote it: the same header and parts, in clear."""
    name, blob, kid = backup
    found = decrypted(parsed(blob))
    parts = b"".join(map(sized, found.parts))
    old = b"VaultPortalBackup1\n" + sized(found.header) + found.mac + parts
    with stack.sdk(KeyClient, vault) as keys:
        for at in (len(old) - 1, old.index(found.mac)):
            changed = bytearray(old)
            changed[at] ^= 1
            refused(400, keys.restore_key_backup, bytes(changed), text="damaged")
        assert keys.restore_key_backup(old).name == name
        assert kid in {version.id for version in keys.list_properties_of_key_versions(name)}
        purge(keys, name)


def test_with_the_ceremonys_file_a_new_database_opens_old_backups(stack, vault, backup):
    """Without the key nothing is backed up; the ceremony brings the same key back, from its file."""
    name, blob, _ = backup
    state = StateDirectory(Path(os.environ["TEST_STATE_DIR"]), Account())
    environment = {"PATH": os.environ["PATH"], **processes.hsm_environment(state, "europe", role="vault_owner")}
    config = state.directory / "ceremony-europe.toml"
    transcript = state.directory / "ceremonies" / "europe" / "ceremony-europe.json"
    assert transcript.with_suffix(".backup-key.json").exists()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            "DELETE FROM worlds_backupkey USING worlds_securityworld w WHERE w.id = world_id AND w.name = 'europe'"
        )
    with stack.sdk(KeyClient, vault) as keys:
        keys.create_ec_key("unsaved")
        with pytest.raises(HttpResponseError) as error:
            keys.backup_key("unsaved", retry_total=0)
        assert error.value.status_code == 503 and "ceremony" in error.value.message
        words = ("hsm_ceremony", "--config", config, "--transcript", transcript)
        code, output, errors = programs.Server(environment).manage(*words)
        assert code == 0, errors
        assert keys.restore_key_backup(blob).name == name
        assert keys.backup_key("unsaved")
        code, output, errors = programs.Server(environment).manage(*words)
        assert "already done" in output
