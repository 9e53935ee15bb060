"""Client certificates: sign-in with an assertion instead of a secret (RFC 7523 section 2.2)."""

import base64
import hashlib
import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

from .errors import usage_error

_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SECONDS = 600
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----.*?-----END (?:[A-Z]+ )*PRIVATE KEY-----", re.DOTALL
)


def credential_of(path: Path, password: str, *, client_id: str, audience: str) -> dict[str, str]:
    """The form fields that sign in with a file of a certificate and its key.

    The file is read each time, so that a renewed certificate counts and the key does not stay in memory.
    Raises `CliError`.
    """
    certificate, key = _load(path, password)
    now = int(time.time())
    header = {"alg": "PS256", "typ": "JWT", "x5t#S256": _encode(hashlib.sha256(certificate).digest())}
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "jti": str(uuid.uuid4())}
    times = {"iat": now, "nbf": now, "exp": now + _SECONDS}
    signed = f"{_encode_json(header)}.{_encode_json(claims | times)}"
    assertion = f"{signed}.{_encode(_sign(key, signed.encode()))}"
    return {"client_id": client_id, "client_assertion_type": _TYPE, "client_assertion": assertion}


def _load(path: Path, password: str) -> tuple[bytes, Any]:
    """(certificate in DER, private key). Raises `CliError`."""
    try:
        from cryptography import x509  # noqa: PLC0415  slow to load, and an optional dependency
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    except ImportError:
        raise usage_error("This command needs the package cryptography: pip install 'vaultportal-cli[agent]'") from None
    try:
        if path.stat().st_mode & 0o007:
            raise usage_error(f"{path} has a private key and can be read by everybody. Run `chmod o= {path}`.")
        content = path.read_bytes()
    except OSError as error:
        raise usage_error(f"{path} cannot be read: {error.strerror}.") from None
    found = _PRIVATE_KEY.search(content)
    try:
        key = serialization.load_pem_private_key(found[0], password.encode() or None) if found else None
        certificates = x509.load_pem_x509_certificates(content)
    except (ValueError, TypeError):
        raise usage_error(
            f"{path} cannot be read as a certificate with its key in PEM, or the password "
            "(AZURE_CLIENT_CERTIFICATE_PASSWORD) is wrong."
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise usage_error(f"{path} has no RSA private key. It needs the certificate and its key, in PEM.")
    mine = next((one for one in certificates if one.public_key() == key.public_key()), None)
    if mine is None:
        raise usage_error(f"The certificates in {path} do not belong to its private key.")
    return mine.public_bytes(serialization.Encoding.DER), key


def _sign(key: Any, content: bytes) -> bytes:
    """PS256 (RFC 7518 section 3.5)."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415

    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
    signature: bytes = key.sign(content, scheme, hashes.SHA256())
    return signature


def _encode_json(value: dict[str, Any]) -> str:
    return _encode(json.dumps(value).encode())


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
