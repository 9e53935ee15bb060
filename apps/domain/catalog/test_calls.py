"""Test calls: one real operation on an object (a signature, a wrapped key, a read) to see that it works."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.audit_log.operation_names import Operation
from apps.core import errors
from apps.core.encoding import to_base64url
from apps.domain.access.audit_records import append_change
from apps.domain.access.denial_records import record_denial
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.keys import key_use, rules
from apps.domain.keys.key_use import UseInput
from apps.domain.keys.test_operation import TestOperation, default_test_operation, is_kem
from apps.domain.secrets import value_reading
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import check_serving
from apps.domain.vaults.quotas import TooManyRequests

# As the Key Vault API names them in records.
_OPERATIONS = {
    rules.SIGN: Operation.KEY_SIGN,
    rules.WRAP: Operation.KEY_WRAP,
    "secrets": Operation.SECRET_GET,
    "certificates": Operation.CERTIFICATE_GET,
}


@dataclass(frozen=True, slots=True)
class TestCallResult:
    """Result of a test call. `result`: a signature, a wrapped key or the length of a value; never the value."""

    operation: str
    allowed: bool
    result: str
    version: str
    milliseconds: int
    request_id: UUID | None
    algorithm: str = ""


def run_test_call(*, grant_for: Callable[[Permission], Grant], vault: Vault, kind: str, row: Any) -> TestCallResult:
    """Sign or wrap, as the key allows, or read once. A domain error is a result, recorded as for any caller.

    `grant_for` authorizes as for any operation, and raises `NotAuthorised`. Raises `VaultFrozen`.
    """
    check_serving(vault)
    grant = grant_for(test_permission(kind, row))
    started = time.monotonic()
    use = default_test_operation(row.current) if kind == "keys" else TestOperation("get", "")
    recorded = _OPERATIONS[use.operation if kind == "keys" else kind]
    allowed, version = True, row.current.version
    try:
        if kind == "keys":
            result = _use_key(grant, vault, row, use)
        elif kind == "secrets":
            _facts, value = value_reading.read_value(context=grant.request, vault=vault, name=row.name, version="")
            result = f"{len(value.encode())} bytes"
        else:
            append_change(grant, operation=recorded, object_id=f"certificates/{row.name}/{version}")
            result = hashlib.sha256(bytes(row.current.cer)).hexdigest()
    except errors.VaultError as error:
        allowed, result = False, error.message
        _record(grant, error, operation=recorded, object_id=f"{kind}/{row.name}")
    milliseconds = round((time.monotonic() - started) * 1000)
    operation = use.operation.lower()
    return TestCallResult(operation, allowed, result, version, milliseconds, grant.request.request_id, use.algorithm)


def test_permission(kind: str, row: Any) -> Permission:
    """Return the permission that a test call of the object needs."""
    if kind == "keys":
        return (
            Permission.KEYS_WRAP
            if default_test_operation(row.current).operation == rules.WRAP
            else Permission.KEYS_SIGN
        )
    return {"secrets": Permission.SECRETS_GET, "certificates": Permission.CERTIFICATES_GET}[kind]


def _record(grant: Grant, error: errors.VaultError, *, operation: Operation, object_id: str) -> None:
    """Record the denial; an unavailable service is not one."""
    if error.status >= 500 or error.recorded:
        return
    why: dict[str, Any] = {"description": error.code}
    if isinstance(error, TooManyRequests):
        why |= error.facts()
    record_denial(
        grant.principal,
        grant.scope,
        grant.request,
        operation=operation,
        status=error.status,
        object_id=object_id,
        **why,
    )


def _use_key(grant: Grant, vault: Vault, row: Any, use: TestOperation) -> str:
    """Use the key and return the output as base64url."""
    done = key_use.use(
        context=grant.request,
        permission=grant.permission,
        vault=vault,
        name=row.name,
        version="",
        data=UseInput(use.algorithm, _test_input(row.current, use)),
    )
    return to_base64url(done.value)


def _test_input(version: rules.UsableKeyState, use: TestOperation) -> bytes:
    """A fresh key to wrap (ML-KEM makes its own), or what the algorithm signs: a message, or its digest."""
    if use.operation == rules.WRAP:
        return b"" if is_kem(version) else os.urandom(32)
    if version.key_type in ("OKP", "AKP"):
        return b"hello"
    return hashlib.new(f"sha{use.algorithm[2:5]}", b"hello").digest()
