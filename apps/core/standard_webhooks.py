"""Signatures of webhooks (standardwebhooks.com, specification 1.0). Pure."""

import base64
import hashlib
import hmac
import secrets

from apps.core.errors import BadRequest

PREFIX = "whsec_"
_SMALLEST, _LARGEST = 24, 64  # bytes of a secret, by the specification


class BadSigningSecret(BadRequest):
    """Not a signing secret of the specification."""


def new_secret() -> str:
    """Make a signing secret of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key of a secret. Raises `BadSigningSecret`."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or not _SMALLEST <= len(key) <= _LARGEST:
        raise BadSigningSecret("The secret is 'whsec_' and the base64 of 24 to 64 random bytes (Standard Webhooks).")
    return key


def signed_headers(keys: list[bytes], *, identifier: str, moment: int, body: bytes) -> dict[str, str]:
    """The three headers of a message. While a secret is replaced there is a signature by each of the two keys."""
    signed = f"{identifier}.{moment}.".encode() + body
    signatures = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(moment),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
