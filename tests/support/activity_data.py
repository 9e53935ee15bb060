"""A vault that somebody lives in, so that pages are looked at with something on them."""

import math
import os
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient

from tests.support.management import Management

VAULT, KEY = "demo-europe", "pictured"


def move_in(stack):
    """Keys with versions, users and policies, something deleted, somebody refused, a request that waits."""
    management, credential = Management(stack), stack.credential(ClientSecretCredential)
    keys = KeyClient(stack.vault_url, credential, connection_verify=stack.ca)
    secrets = SecretClient(stack.vault_url, credential, connection_verify=stack.ca)
    old = keys.create_ec_key(KEY, hardware_protected=True, tags={"owner": "payments"})
    keys.create_rsa_key("pictured-wrapping", hardware_protected=True, size=2048)
    keys.rotate_key(KEY)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "UPDATE keys_keyversion SET created = created - interval '3 days', updated = updated - interval '3 days' "
            "WHERE key_id IN (SELECT id FROM keys_key WHERE name = %s)",
            [KEY],
        )
        hours_of_work(owner)
    for identifier, times in ((KEY, 30), (old.id, 5)):
        key = keys.get_key(identifier) if identifier == KEY else old
        crypto = CryptographyClient(key.id, credential, connection_verify=stack.ca)
        for _ in range(times):
            crypto.sign(SignatureAlgorithm.es256, bytes(32))
    _plan(management, secrets)
    keys.create_ec_key("pictured-gone")
    keys.begin_delete_key("pictured-gone").wait()
    stranger = stack.credential(ClientSecretCredential, stranger=True)
    refused = SecretClient(stack.vault_url, stranger, connection_verify=stack.ca)
    for _ in range(12):
        with pytest.raises(HttpResponseError):
            refused.get_secret("payroll-database")
    _ask(management, stack, credential)


def _plan(management, secrets):
    for days, name in ((8, KEY), (17, "pictured-wrapping")):
        policy = {"rotate_after_create": f"P{days}D"}
        assert management.ask("PUT", f"vaults/{VAULT}/keys/{name}/rotation-policy", policy).status == 204
    for days in (9, 9, 21):
        expires = datetime.now(UTC) + timedelta(days=days)
        secrets.set_secret(f"pictured-{days}", "v", expires_on=expires, content_type="text/plain")


def _ask(management, stack, credential):
    """A purge on a production vault waits for a second person."""
    url = management.vault(production=True)
    keys = KeyClient(url, credential, connection_verify=stack.ca)
    keys.create_ec_key("signing")
    keys.begin_delete_key("signing").wait()
    with pytest.raises(HttpResponseError, match="needs approval"):
        keys.purge_deleted_key("signing")


def hours_of_work(owner, name=VAULT):
    """Counts of the last hours, as a quiet day has them."""
    vault = owner.execute("SELECT id FROM vaults_vault WHERE name = %s", [name]).fetchone()[0]
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [
        (
            vault,
            now - timedelta(minutes=minute),
            int(900 + 500 * math.sin(minute / 40) + 90 * math.sin(minute / 3)),
            60 if 100 < minute < 110 else 0,
        )
        for minute in range(1, 400)
    ]
    with owner.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO usage_minutecount (id, vault_id, minute, done, refused, failed) "
            "VALUES (gen_random_uuid(), %s, %s, %s, %s, 0) ON CONFLICT DO NOTHING",
            rows,
        )
