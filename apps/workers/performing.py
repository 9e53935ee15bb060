"""One lane request, carried out: guard, then the boundary, then what to answer and what to record."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from apps.audit.trail import Record
from apps.hsm.api import Hsm
from apps.jobs.messages import (
    Ping,
    RebindKey,
    Request,
    SealSecret,
    SignToken,
    UnsealSecret,
    UseKey,
)
from apps.keys import rules
from apps.workers import guard
from apps.workers.translation import boundary_errors


class Performed(NamedTuple):
    """An answer that may leave once its record is committed. `None`: nothing to record."""

    value: Any
    record: Record | None


def perform(hsm: Hsm, request: Request, *, now: datetime) -> Performed:
    """Do what the request asks. Raises a `VaultError` for the caller, or `DeviceFault`, which ends the process."""
    with boundary_errors():
        return _PERFORMERS[type(request)](hsm, request, now)


def _ping(hsm: Hsm, _request: Ping, _now: datetime) -> Performed:
    hsm.canary()
    return Performed(value=True, record=None)


def _use_key(hsm: Hsm, request: UseKey, now: datetime) -> Performed:
    key, operation = guard.key_for_use(request, now=now)
    value = _USES[operation](hsm, key, request)
    return Performed(value, request.facts.record(at=now, status=200))


def _seal_secret(hsm: Hsm, request: SealSecret, _now: datetime) -> Performed:
    guard.check_fresh(request.expires_at)
    vault_key = guard.vault_key(request.vault_id)
    return Performed(hsm.seal(vault_key, context=request.context, plaintext=request.value), None)


def _unseal_secret(hsm: Hsm, request: UnsealSecret, now: datetime) -> Performed:
    secret = guard.secret_for_reading(request)
    value = hsm.unseal(secret.vault_key, context=secret.context, sealed=secret.sealed)
    return Performed(value, request.facts.record(at=now, status=200))


def _sign_token(hsm: Hsm, request: SignToken, now: datetime) -> Performed:
    guard.check_fresh(request.expires_at)
    key = guard.signing_key(request.signing_key_id)
    signature = hsm.sign(key, algorithm="ES256", digest=request.digest)
    return Performed(signature, request.facts.record(at=now, status=200))


def _rebind_key(hsm: Hsm, request: RebindKey, _now: datetime) -> Performed:
    key = guard.key_for_rebinding(request)
    bound = hsm.rebind(key, operations=tuple(sorted(request.operations)))
    return Performed((bound.blob, bound.mac), None)


def _sign(hsm: Hsm, key: guard.UsableKey, request: UseKey) -> bytes:
    return hsm.sign(key.kept.stored, algorithm=request.algorithm, digest=request.value, vault_key=key.kept.vault_key)


def _verify(hsm: Hsm, key: guard.UsableKey, request: UseKey) -> bytes:
    good = hsm.verify(key.kept.stored, algorithm=request.algorithm, digest=request.value, signature=request.signature)
    return b"\x01" if good else b"\x00"


def _encrypt(hsm: Hsm, key: guard.UsableKey, request: UseKey) -> bytes:
    return hsm.encrypt(key.kept.stored, algorithm=request.algorithm, plaintext=request.value).ciphertext


def _decrypt(hsm: Hsm, key: guard.UsableKey, request: UseKey) -> bytes:
    return hsm.decrypt(
        key.kept.stored, algorithm=request.algorithm, ciphertext=request.value, vault_key=key.kept.vault_key
    )


_USES: dict[str, Callable[[Hsm, guard.UsableKey, UseKey], bytes]] = {
    rules.SIGN: _sign,
    rules.VERIFY: _verify,
    rules.ENCRYPT: _encrypt,
    rules.WRAP: _encrypt,  # for RSA wrapping is encryption of a key that the caller brings
    rules.DECRYPT: _decrypt,
    rules.UNWRAP: _decrypt,
}

_PERFORMERS: dict[type[Any], Callable[[Hsm, Any, datetime], Performed]] = {
    Ping: _ping,
    UseKey: _use_key,
    SealSecret: _seal_secret,
    UnsealSecret: _unseal_secret,
    SignToken: _sign_token,
    RebindKey: _rebind_key,
}
