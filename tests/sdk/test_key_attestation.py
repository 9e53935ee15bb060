"""`get_key_attestation` of the unmodified SDK, verified offline by the one-file verifier, for keys of each origin."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.keyvault.keys import KeyClient
from cryptography.hazmat.primitives.asymmetric import ec

from apps.domain.keys import keyverify
from tests.support import records
from tests.support.byok import jwk_of
from tests.support.sdk import refused

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def authority():
    """The certificate of the world's statement authority, as its ceremony wrote it."""
    return Path(os.environ["TEST_STATE_DIR"]) / "ceremonies" / "europe" / "statement-authority-europe.pem"


@pytest.fixture
def statement(keys, authority):
    """What the verified statement about a key says."""

    def statement(name, version=None, client=keys):
        attestation = client.get_key_attestation(name, version).properties.attestation
        root = keyverify.read_root(str(authority))
        payload = keyverify.verify(attestation.private_key_attestation, attestation.certificate_pem_file, root=root)
        assert not list(keyverify.findings(payload))
        assert attestation.version == "1"
        return payload

    return statement


@pytest.fixture
def name():
    return f"attested-{os.urandom(4).hex()}"


def public_key_of(payload):
    return base64.b64decode(payload["key"]["public_key"])


def test_a_generated_key_is_attested_with_its_place_and_operations(keys, statement, name, stack):
    made = keys.create_rsa_key(name, size=2048, hardware_protected=True, key_operations=["sign", "verify"])
    payload = statement(name)
    key = payload["key"]
    assert (key["name"], key["version"]) == (name, made.properties.version)
    assert (key["type"], key["parameter"], key["operations"]) == ("RSA", "2048", ["sign", "verify"])
    assert (key["origin"], key["restored"], key["exportable"]) == ("generated", False, False)
    assert payload["vault"]["name"] in stack.vault_url
    assert payload["world"]["name"] == "europe"
    assert made.key.n in public_key_of(payload)
    assert [key["role"] for key in payload["wrapping_keys"]] == ["WK-A"]
    bundle = keys.get_key_attestation(name, made.properties.version)
    assert bundle.key.n == made.key.n
    assert bundle.properties.attestation.public_key_attestation
    changed = keys.update_key_properties(name, key_operations=["sign"])
    assert changed.key_operations == ["sign"]
    assert statement(name)["key"]["operations"] == ["sign"]


def test_curves_and_aes_keys_are_attested_by_version(keys, statement, name):
    first = keys.create_ec_key(name, curve="P-521", hardware_protected=True)
    keys.create_ec_key(name, curve="P-256", hardware_protected=True)
    assert statement(name, first.properties.version)["key"]["parameter"] == "P-521"
    assert statement(name)["key"]["parameter"] == "P-256"
    aes = keys.create_oct_key(f"{name}-aes", size=256, hardware_protected=True)
    assert statement(aes.name)["key"]["public_key"] is None
    assert keys.get_key_attestation(aes.name).properties.attestation.public_key_attestation is None


def test_an_imported_key_is_attested_as_imported(keys, statement, name):
    private = ec.generate_private_key(ec.SECP256R1())
    keys.import_key(name, jwk_of(private, hardware=True))
    assert statement(name)["key"]["origin"] == "imported"
    keys.create_ec_key(name, hardware_protected=True)
    assert statement(name)["key"]["origin"] == "generated", "the new version"


def test_a_key_of_a_backup_is_attested_as_restored_with_its_origin(management, credential, statement, name):
    first, second = (KeyClient(management.vault(), credential) for _ in range(2))
    first.create_ec_key(name, hardware_protected=True)
    before = statement(name, client=first)
    second.restore_key_backup(first.backup_key(name))
    after = statement(name, client=second)
    assert (after["key"]["origin"], after["key"]["restored"]) == ("generated", True)
    assert public_key_of(after) == public_key_of(before)
    assert after["vault"] != before["vault"]


def test_a_key_that_has_no_statement_is_refused_as_the_contract_says(keys, stack, name):
    keys.create_ec_key(name)
    error = refused(400, keys.get_key_attestation, name, text="HSM-protected")
    assert error.error.code == "BadParameter"
    with pytest.raises(ResourceNotFoundError) as missing:
        keys.get_key_attestation(f"{name}-missing")
    assert missing.value.error.code == "KeyNotFound"
    with stack.sdk(KeyClient, stranger=True) as stranger:
        refused(403, stranger.get_key_attestation, name, inner="ForbiddenByRbac")


def test_each_statement_is_in_the_audit_log_by_its_digest(keys, statement, name):
    keys.create_ec_key(name, hardware_protected=True)
    made = keys.get_key_attestation(name).properties.attestation.private_key_attestation
    rows = [
        row for row in records.running("operation = 'KeyGetAttestation' AND status = 200") if name in row["object_id"]
    ]
    assert [row["properties"]["statementSha256"] for row in rows] == [hashlib.sha256(made).hexdigest()]


def test_the_verifier_takes_the_answer_as_it_came(keys, authority, name, tmp_path):
    """The raw answer in a file, and the verifier as a file of its own."""
    keys.create_ec_key(name, hardware_protected=True)
    answer = keys.send_request(HttpRequest("GET", f"keys/{name}//attestation"))
    (tmp_path / "answer.json").write_text(answer.text())
    command = [sys.executable, "-I", keyverify.__file__, tmp_path / "answer.json", "--root", authority, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["statement"]["key"]["name"] == name


def test_the_size_of_an_aes_key_is_shown_by_the_newest_version_only(stack, credential, name):
    for version, expected in (("2026-04-01", 192), ("2025-07-01", None)):
        with KeyClient(stack.vault_url, credential, api_version=version, connection_verify=stack.ca) as client:
            client.create_oct_key(name, size=192, hardware_protected=True)
            answer = client.send_request(HttpRequest("GET", f"keys/{name}/")).json()
            assert answer["attributes"].get("key_size") == expected
