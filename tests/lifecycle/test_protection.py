"""Retention, purge protection, and what backups may bring back."""

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from apps.domain.objects import backups
from tests.lifecycle.conftest import SWEEP
from tests.support import programs
from tests.support.management import vault_name
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    ("days", "protected", "level"),
    [
        (90, False, "Recoverable+Purgeable"),
        (90, True, "Recoverable"),
        (7, False, "CustomizedRecoverable+Purgeable"),
        (89, True, "CustomizedRecoverable"),
    ],
)
def test_the_recovery_level_says_what_holds(management, keys_of, days, protected, level):
    keys = keys_of(management.vault(recoverable_days=days, purge_protection=protected))
    key = keys.create_ec_key("key")
    assert (key.properties.recovery_level, key.properties.recoverable_days) == (level, days)
    deleted = keys.begin_delete_key("key").result()
    assert (deleted.scheduled_purge_date - deleted.deleted_date).days == days
    if protected:
        with pytest.raises(HttpResponseError) as refused:
            keys.purge_deleted_key("key")
        assert refused.value.status_code == 403
        assert "purge protection is enabled" in refused.value.message
        assert keys.begin_recover_deleted_key("key").result().id == key.id
    else:
        keys.purge_deleted_key("key")


def test_protection_is_kept_and_retention_not_shortened(management):
    name = management.named_vault(recoverable_days=30)
    assert management.ask("PATCH", f"vaults/{name}", {"recoverable_days": 20}).status == 200
    changed = management.ask("PATCH", f"vaults/{name}", {"purge_protection": True})
    assert (changed.status, changed.json()["purge_protection"]) == (200, True)
    assert management.ask("PATCH", f"vaults/{name}", {"purge_protection": False}).status == 409
    assert management.ask("PATCH", f"vaults/{name}", {"recoverable_days": 7}).status == 409
    assert management.ask("PATCH", f"vaults/{name}", {"recoverable_days": 60}).json()["recoverable_days"] == 60
    for days in (6, 91, -1, "x"):
        assert management.ask("PATCH", f"vaults/{name}", {"recoverable_days": days}).status == 400


@pytest.mark.parametrize("hardware", [True, False], ids=["hsm", "software"])
def test_a_backup_restores_into_another_vault_of_its_world_only(management, keys_of, credential, hardware):
    from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm

    first, second, abroad = management.vault(), management.vault(), management.vault(world="america")
    made = keys_of(first).create_rsa_key("key", hardware_protected=hardware)
    backup = keys_of(first).backup_key("key")
    restored = keys_of(second).restore_key_backup(backup)
    assert restored.key.n == made.key.n
    assert restored.id.startswith(second.removesuffix("/"))
    signature = CryptographyClient(restored, credential).sign(SignatureAlgorithm.rs256, bytes(32)).signature
    assert CryptographyClient(made, credential).verify(SignatureAlgorithm.rs256, bytes(32), signature).is_valid
    with pytest.raises(HttpResponseError) as refused:
        keys_of(abroad).restore_key_backup(backup)
    assert refused.value.status_code == 400
    assert "security world" in refused.value.message
    with pytest.raises(ResourceNotFoundError):
        keys_of(abroad).get_key("key")
    again = keys_of(second).backup_key("key")  # a backup of a restored key
    keys_of(second).begin_delete_key("key").wait()
    keys_of(second).purge_deleted_key("key")
    assert keys_of(second).restore_key_backup(again).key.n == made.key.n


@pytest.mark.parametrize("kind", ["key", "secret"])
def test_one_flipped_bit_is_a_400_and_stores_nothing(stack, management, keys_of, secrets_of, kind):
    import base64
    import json

    first, second = management.vault(), management.vault()
    if kind == "key":
        keys_of(first).create_ec_key("thing", hardware_protected=True)
        blob = keys_of(first).backup_key("thing")
    else:
        secrets_of(first).set_secret("thing", "value")
        blob = secrets_of(first).backup_secret("thing")
    http, token = stack.http(), stack.token()

    def restore(data):
        text = base64.urlsafe_b64encode(data).decode().rstrip("=") if isinstance(data, bytes) else data
        return http.request(
            "POST",
            f"{second}/{kind}s/restore?api-version=7.4",
            body=json.dumps({"value": text}).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )

    bits = range(0, len(blob) * 8, 7)
    found = backups.parse_backup(base64.urlsafe_b64encode(blob).decode().rstrip("="))
    begin = blob.index(found.encapsulated) * 8
    encapsulated = range(begin, begin + len(found.encapsulated) * 8)  # random bytes of one meaning: fewer of them
    for bit in (bit for bit in bits if bit not in encapsulated or bit % 105 == 0):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        answer = restore(bytes(flipped))
        assert answer.status == 400, (bit, answer.data)
        assert answer.json()["error"]["code"] == "BadParameter"
    text = base64.urlsafe_b64encode(blob).decode().rstrip("=")
    for damaged in (blob[:-1], blob + b"\0", blob[1:], b"", b"x" * 100, text + "A", "not base64!"):
        assert restore(damaged).status == 400
    listed = (
        keys_of(second).list_properties_of_keys() if kind == "key" else secrets_of(second).list_properties_of_secrets()
    )
    assert list(listed) == []
    assert restore(blob).status == 200


def test_what_was_purged_under_protection_does_not_come_back(management, keys_of, owner, as_scheduler):
    url, other = management.vault(recoverable_days=7, purge_protection=True), management.vault()
    keys = keys_of(url)
    keys.create_ec_key("key")
    backup = keys.backup_key("key")
    keys.begin_delete_key("key").wait()
    owner.execute(
        "UPDATE keys_key SET purge_after = now() - interval '1 second' WHERE deleted IS NOT NULL AND vault_id ="
        " (SELECT id FROM vaults_vault WHERE name = %s)",
        [vault_name(url)],
    )
    as_scheduler(SWEEP)
    # The running scheduler may be the one that purges, and not be done yet.
    wait_until(lambda: not list(keys.list_deleted_keys()), "the key is purged")
    with pytest.raises(ResourceNotFoundError):
        keys.get_deleted_key("key")
    for target in (url, other):
        with pytest.raises(HttpResponseError) as refused:
            keys_of(target).restore_key_backup(backup)
        assert refused.value.status_code == 403
        assert "purged" in refused.value.message
    assert keys.create_ec_key("key").name == "key"


def test_a_dry_run_says_whether_a_restore_will_work(stack, management, keys_of, tmp_path):
    first, second, abroad = management.vault(), management.vault(), management.vault(world="america")
    keys_of(first).create_ec_key("key")
    file = tmp_path / "key.backup"
    file.write_bytes(keys_of(first).backup_key("key"))

    def run(url, *options):
        return programs.manage("restore_backup", file, "--vault", vault_name(url), *options)

    def token_file(**whose):
        path = tmp_path / "token"
        path.write_text(stack.token(**whose))
        return "--token-file", path

    code, output, errors = run(second, "--dry-run")
    assert code == 0, errors
    assert "can be restored" in output
    with pytest.raises(ResourceNotFoundError):
        keys_of(second).get_key("key")
    assert "already" in run(first, "--dry-run")[2]
    assert "security world" in run(abroad, "--dry-run")[2]
    assert "not authorized" in run(second, *token_file(stranger=True))[2]
    assert run(second, *token_file())[0] == 0
    assert keys_of(second).get_key("key").name == "key"
    file.write_bytes(b"damaged")
    assert "damaged" in run(second, "--dry-run")[2]


def test_a_deleted_name_is_taken_for_every_way_in(management, keys_of, name):
    keys = keys_of(management.vault())
    keys.create_ec_key(name)
    keys.begin_delete_key(name).wait()
    from cryptography.hazmat.primitives.asymmetric import ec

    from tests.support.byok import jwk_of

    for act in (
        lambda: keys.create_ec_key(name.upper()),
        lambda: keys.import_key(name, jwk_of(ec.generate_private_key(ec.SECP256R1()))),
    ):
        with pytest.raises(ResourceExistsError) as taken:
            act()
        assert taken.value.error.innererror["code"] == "ObjectIsDeletedButRecoverable"
        assert "can only be recovered or purged" in taken.value.message
