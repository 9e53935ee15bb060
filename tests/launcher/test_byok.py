"""`./portal byok wrap`: a `.byok` file from a PEM, from AES bytes, and from a key in a token of the customer's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from apps.core.encoding import from_base64url

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kek(keys, tmp_path):
    """The vault's answer for a new key exchange key, saved as a customer would."""
    from azure.core.rest import HttpRequest

    name = f"kek-{os.urandom(4).hex()}"
    keys.create_rsa_key(name, hardware_protected=True, key_operations=["import"])
    file = tmp_path / "kek.json"
    file.write_text(keys.send_request(HttpRequest("GET", f"keys/{name}/")).text())
    return file


def wrap(*arguments, **environment):
    command = [sys.executable, "-m", "apps.hsm.byok", "wrap", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def bring(keys, file, **jwk):
    from azure.keyvault.keys import JsonWebKey

    return keys.import_key(f"byok-{os.urandom(4).hex()}", JsonWebKey(**jwk, t=file.read_bytes()))


def pem(private):
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_a_pem_becomes_a_key_in_the_hsm(keys, kek, tmp_path):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tmp_path / "key.pem").write_bytes(pem(private))
    done = wrap("--kek", kek, "--pem", tmp_path / "key.pem", "--output", tmp_path / "key.byok")
    assert done.returncode == 0, done.stderr
    key = bring(keys, tmp_path / "key.byok", kty="RSA-HSM")
    assert key.key.n == private.public_key().public_numbers().n.to_bytes(256)
    curve = ec.generate_private_key(ec.SECP521R1())
    (tmp_path / "ec.pem").write_bytes(pem(curve))
    assert wrap("--kek", kek, "--pem", tmp_path / "ec.pem", "--output", tmp_path / "ec.byok").returncode == 0
    key = bring(keys, tmp_path / "ec.byok", kty="EC-HSM", crv="P-521")
    assert key.key.x == curve.public_key().public_numbers().x.to_bytes(66)
    statement = keys.get_key_attestation(key.name).properties.attestation.private_key_attestation
    stated = json.loads(from_base64url(statement.decode().split(".")[1], field="payload"))
    assert stated["key"]["origin"] == "transferred"


def test_a_key_goes_from_the_customers_token_to_ours_without_being_seen(stack, keys, kek, tmp_path):
    from azure.identity import ClientSecretCredential
    from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm

    from tests.support.own_token import module_path

    (tmp_path / "tokens").mkdir()
    config = tmp_path / "softhsm.conf"
    config.write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    (tmp_path / "pin").write_text("1234-5678")
    environment = {"SOFTHSM2_CONF": str(config)}
    init = [
        "softhsm2-util",
        "--init-token",
        "--free",
        "--label",
        "customer",
        "--so-pin",
        "8765-4321",
        "--pin",
        "1234-5678",
    ]
    subprocess.run(init, env={**os.environ, **environment}, check=True, capture_output=True)
    make = (
        "import pkcs11, sys\n"
        "token = pkcs11.lib(sys.argv[1]).get_token(token_label='customer')\n"
        "session = token.open(rw=True, user_pin='1234-5678')\n"
        "public, private = session.generate_keypair(pkcs11.KeyType.RSA, 2048, store=True, label='mine',"
        " private_template={pkcs11.Attribute.EXTRACTABLE: True})\n"
        "print(public[pkcs11.Attribute.MODULUS].hex())\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", make, str(module_path())],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    arguments = ["--module", module_path(), "--token", "customer", "--key", "mine", "--pin-file", tmp_path / "pin"]
    done = wrap("--kek", kek, *arguments, "--output", tmp_path / "key.byok", **environment)
    assert done.returncode == 0, done.stderr
    key = bring(keys, tmp_path / "key.byok", kty="RSA-HSM")
    assert key.key.n.hex() == made.stdout.strip()
    client = CryptographyClient(key.id, stack.credential(ClientSecretCredential))
    signature = client.sign(SignatureAlgorithm.rs256, bytes(32)).signature
    public = rsa.RSAPublicNumbers(65537, int(made.stdout, 16)).public_key()
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    public.verify(signature, bytes(32), padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    wrong = [*arguments[:-1], tmp_path / "absent"]
    assert wrap("--kek", kek, *wrong, "--output", tmp_path / "no.byok", **environment).returncode == 1


def test_what_cannot_be_wrapped_says_why_and_writes_nothing(kek, tmp_path):
    (tmp_path / "short").write_bytes(b"x" * 31)
    (tmp_path / "key.pem").write_text("no key")
    (tmp_path / "bad.json").write_text(json.dumps({"key": {"kty": "EC"}}))
    for arguments, reason in (
        (("--kek", kek, "--aes", tmp_path / "short"), "16, 24 or 32"),
        (("--kek", kek, "--pem", tmp_path / "key.pem"), "no unencrypted private key"),
        (("--kek", tmp_path / "bad.json", "--aes", tmp_path / "short"), "kid, n and e"),
        (("--kek", kek, "--pem", tmp_path / "absent"), "No such file"),
        (("--kek", kek, "--module", "/nowhere.so"), "needs --token"),
    ):
        done = wrap(*arguments, "--output", tmp_path / "out.byok")
        assert done.returncode == 1
        assert reason in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.byok").exists()


def test_a_hybrid_file_takes_both_key_exchange_keys(keys, kek, tmp_path):
    """Of ML-KEM-768 and RSA; the vault tells it from one for RSA alone by its header."""
    from azure.core.exceptions import HttpResponseError
    from azure.core.rest import HttpRequest

    name = f"pq-{os.urandom(4).hex()}"
    body = {"kty": "AKP", "alg": "ML-KEM-768", "key_ops": ["import"]}
    made = keys.send_request(HttpRequest("POST", f"keys/{name}/create", json=body))
    (tmp_path / "pq.json").write_text(made.text())
    curve = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "ec.pem").write_bytes(pem(curve))
    file = tmp_path / "ec.byok"
    done = wrap("--kek", kek, "--pq-kek", tmp_path / "pq.json", "--pem", tmp_path / "ec.pem", "--output", file)
    assert done.returncode == 0, done.stderr
    key = bring(keys, file, kty="EC-HSM", crv="P-256")
    assert key.key.x == curve.public_key().public_numbers().x.to_bytes(32)
    assert key.properties.hsm_platform == "1"
    private = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    (tmp_path / "key.pem").write_bytes(pem(private))
    wrap(
        "--kek", kek, "--pq-kek", tmp_path / "pq.json", "--pem", tmp_path / "key.pem", "--output", tmp_path / "rsa.byok"
    )
    assert len(bring(keys, tmp_path / "rsa.byok", kty="RSA-HSM").key.n) == 384, "the size shows in the length"
    written = json.loads(file.read_text())
    assert written["header"]["enc"] == "ML-KEM-768+CKM_RSA_AES_KEY_WRAP"
    for changes in (
        {"enc": "CKM_RSA_AES_KEY_WRAP"},
        {"pq_kid": written["header"]["kid"]},
        {"kid": written["header"]["pq_kid"]},
        {"pq_kid": None},
    ):
        file.write_text(json.dumps(written | {"header": written["header"] | changes}))
        with pytest.raises(HttpResponseError) as error:
            bring(keys, file, kty="EC-HSM", crv="P-256")
        assert error.value.status_code == 400, changes
    assert wrap("--kek", kek, "--pq-kek", kek, "--pem", tmp_path / "ec.pem", "--output", file).returncode == 1
