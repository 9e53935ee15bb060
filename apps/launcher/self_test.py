"""`python -m apps.launcher.self_test`: the official Azure SDK, unmodified, against the running system.

Reads the environment of `./portal env`, prints a line per step, exits 1 at the first wrong answer.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient

NAME = f"self-test-{int(time.time())}"
DIGEST = hashlib.sha256(b"a document").digest()


class SelfTestFailed(Exception):
    """The system gave a wrong answer."""


def main() -> None:
    """Run all steps."""
    environment = os.environ
    credential = _credential(environment["AZURE_CLIENT_ID"], environment["AZURE_CLIENT_SECRET"])
    _first_vault(environment["VAULT_URL"], credential)
    _second_vault(environment["VAULT2_URL"], credential)
    stranger = _credential(environment["PORTAL_STRANGER_CLIENT_ID"], environment["PORTAL_STRANGER_CLIENT_SECRET"])
    _step("an application without a role is denied", lambda: _check_denied(environment["VAULT_URL"], stranger))


def _first_vault(url: str, credential: ClientSecretCredential) -> None:
    keys, secrets = KeyClient(url, credential), SecretClient(url, credential)
    key = _step(
        "sign in, create an RSA-2048 key in the HSM", lambda: keys.create_rsa_key(NAME, hardware_protected=True)
    )
    crypto = CryptographyClient(key, credential)
    signed = _step("sign (PS256)", lambda: crypto.sign(SignatureAlgorithm.ps256, DIGEST))
    _step("verify", lambda: _check(crypto.verify(SignatureAlgorithm.ps256, DIGEST, signed.signature).is_valid))
    wrapped = _step("wrap a key", lambda: crypto.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, bytes(32)))
    unwrapped = _step("unwrap it", lambda: crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped.encrypted_key))
    _check(unwrapped.key == bytes(32))
    secret = crypto.encrypt(EncryptionAlgorithm.rsa_oaep_256, b"old data")
    rotated = _step("rotate the key", lambda: keys.rotate_key(NAME))
    _check(rotated.properties.version != key.properties.version)
    old = CryptographyClient(key.id, credential)
    opened = _step(
        "decrypt old data with the archived version",
        lambda: old.decrypt(EncryptionAlgorithm.rsa_oaep_256, secret.ciphertext),
    )
    _check(opened.plaintext == b"old data")
    curve = _step("create a P-256 key in the HSM", lambda: keys.create_ec_key(NAME + "-ec", hardware_protected=True))
    ec = CryptographyClient(curve, credential)
    signature = _step("sign (ES256)", lambda: ec.sign(SignatureAlgorithm.es256, DIGEST)).signature
    _check(ec.verify(SignatureAlgorithm.es256, DIGEST, signature).is_valid)
    _step("set a secret", lambda: secrets.set_secret(NAME, "s3cret, sealed by the HSM"))
    _step("get it back", lambda: _check(secrets.get_secret(NAME).value == "s3cret, sealed by the HSM"))


def _second_vault(url: str, credential: ClientSecretCredential) -> None:
    keys = KeyClient(url, credential)

    def round_trip() -> None:
        key = keys.create_ec_key(NAME, hardware_protected=True)
        crypto = CryptographyClient(key, credential)
        signature = crypto.sign(SignatureAlgorithm.es256, DIGEST).signature
        _check(crypto.verify(SignatureAlgorithm.es256, DIGEST, signature).is_valid)

    _step("create and use a key in the second world's vault", round_trip)


def _check_denied(url: str, credential: ClientSecretCredential) -> None:
    try:
        KeyClient(url, credential).get_key(NAME)
    except HttpResponseError as error:
        _check(error.status_code == 403)
    else:
        raise SelfTestFailed("an application without a role read a key")


def _credential(client_id: str, client_secret: str) -> ClientSecretCredential:
    return ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"],
        client_id,
        client_secret,
        authority=os.environ["PORTAL_AUTHORITY"],
        disable_instance_discovery=True,
    )


def _step(name: str, action: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    result = action()
    print(f"  {name:<52} {(time.perf_counter() - started) * 1000:7.0f} ms", flush=True)  # noqa: T201  its purpose
    return result


def _check(condition: Any) -> None:
    if not condition:
        raise SelfTestFailed("the answer was wrong")


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # noqa: BLE001  any error fails the self-test
        sys.exit(f"  the self-test failed: {type(error).__name__}: {error}")
