"""Base64url without padding, as the API has byte strings (docs/reference/wire-contract.md section 1)."""

import base64
import re

from apps.core.errors import BadRequest

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*={0,2}\Z")


class BadEncoding(BadRequest):
    """A byte string that is not base64url."""


def to_base64url(data: bytes) -> str:
    """Encode as base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str, *, field: str) -> bytes:
    """Decode base64url text, padded or not.

    Raises `BadEncoding` naming the field for anything else, also for standard-alphabet `+` and `/`.
    """
    if not _ALPHABET.match(text):
        raise BadEncoding(f"The property '{field}' is not valid base64url.")
    unpadded = text.rstrip("=")
    if len(unpadded) % 4 == 1:
        raise BadEncoding(f"The property '{field}' is not valid base64url.")
    return base64.urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))
