"""`./portal byok wrap`: makes a `.byok` file on the customer's machine (docs/reference/wire-contract.md section 9).

The key comes from a PEM file, or from the customer's own PKCS#11 token, where it stays inside while it is wrapped. No
Django and no vault: this runs where the key is. The key exchange key's public half comes as the JSON that the vault
gives for it.
"""

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

import pkcs11
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, rsa

from apps.hsm import hybrid, key_release, module, public_keys, selftest
from apps.hsm.errors import HsmError
from apps.hsm.types import ModuleConfig

_ALGORITHM = "CKM_RSA_AES_KEY_WRAP"
_AES_BYTES = (16, 24, 32)


class CannotWrap(Exception):
    """What was given cannot be wrapped; the sentence says why."""


def main(arguments: list[str]) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="./portal byok", description="Bring your own key: make a .byok file.")
    commands = parser.add_subparsers(required=True)
    wrap_ = commands.add_parser("wrap", help="wrap a key for a key exchange key of the vault")
    wrap_.add_argument("--kek", type=Path, required=True, help="the key exchange key as the vault gives it, JSON")
    wrap_.add_argument("--pq-kek", type=Path, help="an ML-KEM-768 key exchange key, JSON: makes the transfer hybrid")
    source = wrap_.add_mutually_exclusive_group(required=True)
    source.add_argument("--pem", type=Path, help="an RSA or EC private key, PKCS#8 or traditional, unencrypted")
    source.add_argument("--aes", type=Path, help="the 16, 24 or 32 bytes of an AES key")
    source.add_argument("--module", type=Path, help="a PKCS#11 module, with --token, --key and --pin-file")
    wrap_.add_argument("--token", help="the token's label")
    wrap_.add_argument("--key", help="the label of an extractable key in it")
    wrap_.add_argument("--pin-file", type=Path)
    wrap_.add_argument("--output", type=Path, required=True, help="the .byok file to write")
    options = parser.parse_args(arguments)
    try:
        kid, recipient = read_kek(options.kek)
        exchange = read_pq_kek(options.pq_kek) if options.pq_kek else None
        ciphertext = _ciphertext(options, recipient)
        options.output.write_text(json.dumps(_file(kid, recipient, exchange, ciphertext), indent=2) + "\n")
    except (CannotWrap, HsmError, pkcs11.PKCS11Error, OSError) as error:
        print(f"Nothing was written: {error or type(error).__name__}", file=sys.stderr)  # noqa: T201  a command
        return 1
    print(f"{options.output} holds the key for {kid}. Import it with key_hsm.")  # noqa: T201  a command
    return 0


def read_kek(path: Path) -> tuple[str, rsa.RSAPublicKey]:
    """Read (kid, public key) from a KeyBundle or a bare JSON Web Key. Raises `CannotWrap`."""
    try:
        bundle = json.loads(path.read_bytes())
        jwk = bundle.get("key", bundle)
        numbers = rsa.RSAPublicNumbers(_number(jwk["e"]), _number(jwk["n"]))
        return str(jwk["kid"]), numbers.public_key()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CannotWrap(f"{path} is not the JSON of an RSA key with kid, n and e.") from None


def read_pq_kek(path: Path) -> tuple[str, bytes]:
    """Read (kid, SPKI) of an ML-KEM-768 key from a KeyBundle or a bare JSON Web Key. Raises `CannotWrap`."""
    try:
        bundle = json.loads(path.read_bytes())
        jwk = bundle.get("key", bundle)
        if jwk["alg"] != hybrid.ALGORITHM:
            raise CannotWrap(f"{path} is not of an {hybrid.ALGORITHM} key.")
        data = base64.urlsafe_b64decode(jwk["pub"] + "=" * (-len(jwk["pub"]) % 4))
        return str(jwk["kid"]), public_keys.dump(mlkem.MLKEM768PublicKey.from_public_bytes(data))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CannotWrap(f"{path} is not the JSON of an {hybrid.ALGORITHM} key with kid, alg and pub.") from None


def _file(
    kid: str, recipient: rsa.RSAPublicKey, exchange: tuple[str, bytes] | None, ciphertext: bytes
) -> dict[str, Any]:
    if exchange is None:
        return transfer(kid, ciphertext)
    pq_kid, key = exchange
    sealed = hybrid.seal_transfer(ciphertext, exchange_key=key, recipient=public_keys.dump(recipient))
    return transfer(kid, sealed, pq_kid=pq_kid)


def transfer(kid: str, ciphertext: bytes, *, pq_kid: str = "") -> dict[str, Any]:
    """Build the content of the file. `pq_kid`: of a hybrid one."""
    names = {"kid": kid, "alg": "dir", "enc": _ALGORITHM}
    return {
        "schema_version": "1.0.0",
        "header": {**names, "enc": f"{hybrid.ALGORITHM}+{_ALGORITHM}", "pq_kid": pq_kid} if pq_kid else names,
        "ciphertext": base64.urlsafe_b64encode(ciphertext).decode("ascii").rstrip("="),
        "generator": "Vault Portal byok 1",
    }


def _ciphertext(options: argparse.Namespace, recipient: rsa.RSAPublicKey) -> bytes:
    if options.module is not None:
        if not (options.token and options.key and options.pin_file):
            raise CannotWrap("--module needs --token, --key and --pin-file.")
        return _from_token(options, recipient)
    material = _from_pem(options.pem.read_bytes()) if options.pem else options.aes.read_bytes()
    if options.aes and len(material) not in _AES_BYTES:
        raise CannotWrap("An AES key has 16, 24 or 32 bytes.")
    return key_release.release_software(material, recipient, algorithm=_ALGORITHM)


def _from_pem(data: bytes) -> bytes:
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError):
        raise CannotWrap("The PEM file holds no unencrypted private key.") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CannotWrap("The PEM file's key is neither RSA nor EC.")
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _from_token(options: argparse.Namespace, recipient: rsa.RSAPublicKey) -> bytes:
    _, _, session = module.log_in(ModuleConfig(options.module, options.token, options.pin_file))
    wrap = selftest.key_wrap_mechanism(session)
    if wrap is None:
        raise CannotWrap("The module does not wrap keys as RFC 5649 says.")
    label = {pkcs11.Attribute.LABEL: options.key}
    keys = [
        key
        for kind in (pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.ObjectClass.SECRET_KEY)
        for key in session.get_objects({**label, pkcs11.Attribute.CLASS: kind})
    ]
    if len(keys) != 1:
        raise CannotWrap(f"The token has {len(keys)} keys labelled '{options.key}'; there must be one.")
    return key_release.wrap_for_recipient(session, keys[0], recipient, algorithm=_ALGORITHM, key_wrap=wrap)


def _number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
