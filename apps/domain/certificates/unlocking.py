"""The main module of a process that reads one PFX or private key (`apps.core.limited_process`).

It answers with a key as every vault takes it: PKCS#8 of RSA with 2048 to 4096 bits, or of a known curve. Whatever it
parses, it parses with limits on time and memory.
"""

import base64
import json
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from apps.core.limited_process import serve
from apps.domain.certificates.pfx import certificates_in_order

# Answers without a key. "password": a wrong one, or damaged content, because these two cannot be distinguished.
UNREADABLE, PASSWORD, PASSWORD_NEEDED, NO_KEY, KEY_KIND = "unreadable", "password", "no password", "no key", "kind"
SIZES = (2048, 3072, 4096)
CURVES = ("secp256r1", "secp384r1", "secp521r1", "secp256k1")


def question(data: bytes, *, password: str | None, pfx: bool) -> bytes:
    """What the process is asked: a PFX, or one private key in PEM."""
    return json.dumps({"data": base64.b64encode(data).decode(), "password": password, "pfx": pfx}).encode()


def parse(asked: bytes) -> bytes:
    """Read the container. The answer has `error`, or `key` with what else a PFX holds."""
    question_ = json.loads(asked)
    data, password = base64.b64decode(question_["data"]), question_["password"]
    secret = password.encode("utf-8", "replace") if password else None
    try:
        answer = _read_pfx(data, secret) if question_["pfx"] else _read_key(data, secret)
    except MemoryError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm):
        answer = {"error": UNREADABLE}
    return json.dumps(answer).encode()


def _read_pfx(data: bytes, password: bytes | None) -> dict[str, Any]:
    for candidate in (password,) if password else (None, b""):
        try:
            key, leaf, others = pkcs12.load_key_and_certificates(data, candidate)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        chain = [_der(one) for one in (leaf, *others) if one is not None]
        ordered = certificates_in_order(data, candidate)
        if ordered is not None and sorted(ordered) != sorted(chain):
            ordered = None
        texts = [base64.b64encode(der).decode() for der in ordered or chain]
        return _with_key(key) | {"certificates": texts, "ordered": ordered is not None}
    return {"error": PASSWORD if password else PASSWORD_NEEDED}


def _read_key(data: bytes, password: bytes | None) -> dict[str, Any]:
    try:
        key: Any = serialization.load_pem_private_key(data, password)
    except TypeError:  # a password that is not needed, or none where one is
        if password is None:
            return {"error": PASSWORD_NEEDED}
        key = serialization.load_pem_private_key(data, None)
    except ValueError:
        return {"error": UNREADABLE if password is None else PASSWORD}
    return _with_key(key)


def _with_key(key: Any) -> dict[str, Any]:
    if key is None:
        return {"error": NO_KEY}
    of_size = isinstance(key, rsa.RSAPrivateKey) and key.key_size in SIZES
    if not of_size and not (isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES):
        return {"error": KEY_KIND}
    pkcs8 = key.private_bytes(Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"key": base64.b64encode(pkcs8).decode()}


def _der(certificate: Any) -> bytes:
    return bytes(certificate.public_bytes(Encoding.DER))


if __name__ == "__main__":
    serve(parse)
