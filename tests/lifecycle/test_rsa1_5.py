"""RSA1_5 as a setting of a vault: off by default, effective within a second, recorded, with approval on production."""

import json
import os
import time

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm

from tests.support import records
from tests.support.management import vault_name
from tests.support.sdk import refused, remote
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

RSA1_5 = EncryptionAlgorithm.rsa1_5


@pytest.fixture
def credential(stack):
    return stack.credential(ClientSecretCredential)


def set_rsa1_5(management, url, on):
    answer = management.ask("PATCH", f"vaults/{vault_name(url)}", {"rsa1_5": on})
    assert (answer.status, answer.json()["rsa1_5"]) == (200, on)


def decrypts(client, ciphertext):
    try:
        return client.decrypt(RSA1_5, ciphertext).plaintext
    except HttpResponseError:
        return None


@pytest.mark.parametrize("hardware", [False, True])
def test_a_vault_decrypts_with_rsa1_5_only_while_it_is_on(management, stack, credential, hardware):
    url, other = management.vault(), management.vault()
    with stack.sdk(KeyClient, url) as keys, stack.sdk(KeyClient, other) as others:
        client = remote(keys.create_rsa_key("legacy", hardware_protected=hardware), credential)
        elsewhere = remote(others.create_rsa_key("legacy", hardware_protected=hardware), credential)
        ciphertext = client.encrypt(RSA1_5, b"legacy").ciphertext
        refused(400, client.decrypt, RSA1_5, ciphertext, text="--rsa1-5")
        set_rsa1_5(management, url, True)
        wait_until(lambda: decrypts(client, ciphertext) == b"legacy", "RSA1_5 to be on", pause=0.1)
        wrapped = client.wrap_key(KeyWrapAlgorithm.rsa1_5, bytes(32)).encrypted_key
        assert client.unwrap_key(KeyWrapAlgorithm.rsa1_5, wrapped).key == bytes(32)
        # Implicit rejection: bad padding is a plaintext of no use, always the same.
        nonsense = os.urandom(256)[1:]
        first, second = (client.decrypt(RSA1_5, b"\0" + nonsense).plaintext for _ in range(2))
        if hardware:
            assert first == second
        refused(400, elsewhere.decrypt, RSA1_5, elsewhere.encrypt(RSA1_5, b"x").ciphertext, text="--rsa1-5")
        set_rsa1_5(management, url, False)
        time.sleep(1.1)  # what is promised: a change counts within a second
        assert decrypts(client, ciphertext) is None


def test_a_production_vault_needs_a_second_person_for_it(management):
    name = management.named_vault(production=True)
    answer = management.ask("PATCH", f"vaults/{name}", {"rsa1_5": True})
    assert answer.status == 403
    assert "approval" in json.dumps(answer.json())
    assert management.ask("GET", f"vaults/{name}").json()["rsa1_5"] is False
    assert management.ask("PATCH", f"vaults/{name}", {"rsa1_5": False}).status == 200


def test_who_changed_it_is_in_the_audit_log(management):
    name = management.named_vault()
    assert management.ask("PATCH", f"vaults/{name}", {"rsa1_5": True}).status == 200
    changes = [row for row in records.running("operation = 'VaultPatch'") if row["object_id"] == f"vaults/{name}"]
    assert changes[-1]["properties"]["rsa1_5"] is True
    assert changes[-1]["caller"] == os.environ["PORTAL_USER_SECOPS"]
