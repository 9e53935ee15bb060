"""One real operation on an object, to see that it works: a signature, a wrapped key, or that a value can be read."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha384, sha512
from typing import Any
from uuid import UUID

from apps.access.grants import Grant
from apps.access.permissions import Permission
from apps.access.recording import append_change
from apps.core.encoding import to_base64url
from apps.core.errors import VaultError
from apps.keys.operations import using
from apps.keys.operations.using import Input
from apps.secrets.operations import setting
from apps.vaults.models import Vault
from apps.vaults.queries import check_serving

_DIGESTS = {"P-384": ("ES384", sha384), "P-521": ("ES512", sha512), "P-256K": ("ES256K", sha256)}


@dataclass(frozen=True, slots=True)
class Tried:
    """What a test call gave. `result`: a signature or a wrapped key, or how long a value is; never the value."""

    operation: str
    allowed: bool
    result: str
    version: str
    milliseconds: int
    request_id: UUID | None
    algorithm: str = ""


def try_it(*, grant_for: Callable[[Permission], Grant], vault: Vault, kind: str, row: Any, now: datetime) -> Tried:
    """Sign (RSA, EC), wrap (AES) or read once. What the domain refuses is a result, as for any caller.

    `grant_for` decides as for any act, and raises `NotAuthorised`. Raises `VaultFrozen`.
    """
    check_serving(vault)
    wraps = kind == "keys" and row.current.key_type == "oct"
    permission = {
        "keys": Permission.KEYS_WRAP if wraps else Permission.KEYS_SIGN,
        "secrets": Permission.SECRETS_GET,
        "certificates": Permission.CERTIFICATES_GET,
    }[kind]
    grant = grant_for(permission)
    begun = time.monotonic()
    operation = {"keys": "wrapkey" if wraps else "sign", "secrets": "get", "certificates": "get"}[kind]
    algorithm, allowed, version = "", True, row.current.version
    try:
        if kind == "keys":
            algorithm, result = _use(grant, vault, row, wraps=wraps, now=now)
        elif kind == "secrets":
            _facts, value = setting.get_value(grant=grant, vault=vault, name=row.name, version="", now=now)
            result = f"{len(value.encode())} bytes"
        else:
            append_change(grant, operation="CertificateGet", object_id=f"certificates/{row.name}/{version}")
            result = sha256(bytes(row.current.cer)).hexdigest()
    except VaultError as error:
        allowed, result = False, error.message
    spent = round((time.monotonic() - begun) * 1000)
    return Tried(operation, allowed, result, version, spent, grant.request.request_id, algorithm)


def _use(grant: Grant, vault: Vault, row: Any, *, wraps: bool, now: datetime) -> tuple[str, str]:
    """The algorithm, and what came back as base64url."""
    current = row.current
    if wraps:
        algorithm, value = f"A{current.parameter}KW", os.urandom(32)
    elif current.key_type == "RSA":
        algorithm, value = "RS256", sha256(b"hello").digest()
    else:
        algorithm, digest = _DIGESTS.get(current.parameter, ("ES256", sha256))
        value = digest(b"hello").digest()
    done = using.use(grant=grant, vault=vault, name=row.name, version="", given=Input(algorithm, value), now=now)
    return algorithm, to_base64url(done.value)
