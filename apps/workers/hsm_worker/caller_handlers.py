"""Handlers of requests in a caller's name: uses of keys, reads of secrets, releases, and access tokens."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.audit_log.writer import WOULD_FAIL
from apps.core import clock
from apps.core.encoding import to_base64url
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import SYSTEM
from apps.domain.hsm_client.protocol import (
    CheckSigningKey,
    IssueToken,
    ReleaseKey,
    SignStatement,
    UnsealSecret,
    UseKey,
)
from apps.domain.identity import application_sign_in, queries, tokens
from apps.domain.identity.models import SigningKey
from apps.domain.keys import rules
from apps.domain.keys.key_use import USES, quota_of
from apps.domain.keys.kind import KEYS, KeyNotFound
from apps.domain.secrets.kind import SECRETS
from apps.domain.secrets.rules import check_read
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime.hsm_thread import Answer
from apps.workers.hsm_worker import preflight
from apps.workers.hsm_worker.caller_requests import Done, serve
from apps.workers.hsm_worker.request_values import read_id, read_value


def use_key(hsm: Hsm, request: UseKey, now: datetime) -> Answer:
    """Sign, verify, encrypt, decrypt, wrap or unwrap, if the caller may."""
    permission = read_value(Permission, request.permission)
    operation, name = read_value(USES.__getitem__, permission)

    def use(grant: Grant, vault: Vault) -> Done:
        moment = clock.lifecycle_now()
        key, algorithm = preflight.key_for_use(vault, request, operation=operation, now=moment)
        quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota_of(key.state))
        value = _USES[operation](hsm, key.protected, algorithm, request)
        state = key.state
        object_id = KEYS.object_id(state.name, state.version)
        detail = {"algorithm": algorithm, **_rehearsed(state, moment)}
        return Done((state.name, state.version, *value), object_id, detail)

    return serve(hsm, request, operation=name, permission=permission, kind=KEYS.name, use=use, now=now)


def unseal_secret(hsm: Hsm, request: UnsealSecret, now: datetime) -> Answer:
    """Open a secret version, if the caller may read it."""
    operation = Operation.SECRET_REVEAL if request.reason else Operation.SECRET_GET

    def use(grant: Grant, vault: Vault) -> Done:
        quotas.consume_quota(vault=vault, principal=grant.principal, quota=Quota.OTHER)
        facts = preflight.secret_facts(vault, request.name, request.version)
        check_read(enabled=facts.enabled)
        secret = preflight.sealed_secret(vault, facts)
        value = hsm.unseal(secret.vault_key, context=secret.context, sealed=secret.sealed)
        detail = {"reason": request.reason} if request.reason else {}
        return Done((value, facts), SECRETS.object_id(facts.name, facts.version), detail)

    return serve(
        hsm, request, operation=operation, permission=Permission.SECRETS_GET, kind=SECRETS.name, use=use, now=now
    )


def release_key(hsm: Hsm, request: ReleaseKey, now: datetime) -> Answer:
    """Encrypt an exportable key to a recipient, if the caller may release it."""

    def use(grant: Grant, vault: Vault) -> Done:
        quotas.consume_quota(vault=vault, principal=grant.principal, quota=Quota.OTHER)
        moment = clock.lifecycle_now()
        key = preflight.key_for_release(vault, request, now=moment)
        ciphertext = hsm.release(
            key.protected.stored,
            recipient=request.recipient,
            algorithm=request.algorithm,
            vault_key=key.protected.vault_key,
        )
        detail = {"algorithm": request.algorithm, "issuer": request.issuer, "recipient": request.recipient_id}
        detail |= _rehearsed(key.state, moment)
        return Done(ciphertext, KEYS.object_id(key.state.name, key.state.version), detail)

    return serve(
        hsm,
        request,
        operation=Operation.KEY_RELEASE,
        permission=Permission.KEYS_RELEASE,
        kind=KEYS.name,
        use=use,
        now=now,
    )


def sign_statement(hsm: Hsm, request: SignStatement, now: datetime) -> Answer:
    """Sign the statement of a release, if the caller may release the key."""

    def use(_grant: Grant, _vault: Vault) -> Done:
        key = queries.get_signing_key()
        statement = _sign_with_authority(hsm, key, tokens.unsigned_statement(request.payload, key))
        return Done(statement, KEYS.object_id(request.name, request.version), {})

    return serve(
        hsm,
        request,
        operation=Operation.KEY_RELEASE_STATEMENT,
        permission=Permission.KEYS_RELEASE,
        kind=KEYS.name,
        use=use,
        now=now,
    )


def issue_token(hsm: Hsm, request: IssueToken, now: datetime) -> Any:
    """Issue an access token to an application that proves who it is; "" for a wrong credential."""
    principal = application_sign_in.authenticate_application(
        client_id=read_id(request.client_id),
        secret=request.secret,
        assertion=request.assertion,
        issuer_keys=request.issuer_keys,
        address=request.context.address,
        now=now,
    )
    if principal is None:
        return ""
    key = queries.get_signing_key()
    unsigned = tokens.unsigned_token(
        principal, key, asserted=bool(request.assertion), audience=request.audience, now=now
    )
    record = make_record(
        SYSTEM,
        Scope(),
        request.context,
        operation=Operation.AUTHENTICATION,
        object_id=f"applications/{principal.client_id}",
        at=now,
    )
    return Answer(_sign_with_authority(hsm, key, unsigned), record)


def _sign_with_authority(hsm: Hsm, key: SigningKey, unsigned: bytes) -> str:
    """Complete a compact JWS (RFC 7515 section 3.1)."""
    digest = hashlib.sha256(unsigned).digest()
    signature = hsm.sign(preflight.signing_key(key), algorithm="ES256", digest=digest)
    return f"{unsigned.decode()}.{to_base64url(signature)}"


def check_signing_key(hsm: Hsm, request: CheckSigningKey, _now: datetime) -> bytes:
    """Return the public key (SPKI) of a signing key that this world has bound. Raises `KeyNotFound`."""
    for key in queries.list_signing_keys():
        if key.pk.hex == request.signing_key_id:
            stored = preflight.signing_key(key)
            hsm.verify_binding(stored)
            return stored.public_key
    raise KeyNotFound("There is no such signing key.")


def _rehearsed(state: preflight.KeyState, now: datetime) -> dict[str, Any]:
    """The detail of a use that would fail if the version's retirement were not a rehearsal."""
    return {WOULD_FAIL: True} if rules.would_fail(state, now=now) else {}


def _sign(hsm: Hsm, key: preflight.ProtectedKeyRow, algorithm: str, request: UseKey) -> tuple[bytes]:
    signature = hsm.sign(
        key.stored,
        algorithm=algorithm,
        digest=request.value,
        context=request.message_context,
        external_mu=request.external_mu,
        vault_key=key.vault_key,
    )
    return (signature,)


def _verify(hsm: Hsm, key: preflight.ProtectedKeyRow, algorithm: str, request: UseKey) -> tuple[bytes]:
    is_valid = hsm.verify(
        key.stored,
        algorithm=algorithm,
        digest=request.value,
        signature=request.signature,
        context=request.message_context,
        external_mu=request.external_mu,
        vault_key=key.vault_key,
    )
    return (b"\x01" if is_valid else b"\x00",)


def _encrypt(hsm: Hsm, key: preflight.ProtectedKeyRow, algorithm: str, request: UseKey) -> tuple[bytes, bytes, bytes]:
    encrypted = hsm.encrypt(
        key.stored,
        algorithm=algorithm,
        plaintext=request.value,
        iv=request.iv,
        aad=request.aad,
        vault_key=key.vault_key,
    )
    return encrypted.ciphertext, encrypted.iv, encrypted.tag


def _wrap(hsm: Hsm, key: preflight.ProtectedKeyRow, algorithm: str, request: UseKey) -> tuple[bytes, ...]:
    """Encrypt a key that the caller sends, or, with an ML-KEM key, one that is made here."""
    if algorithm not in rules.ML_KEM_CIPHERTEXT:
        return _encrypt(hsm, key, algorithm, request)
    ciphertext, secret = hsm.encapsulate(key.stored, algorithm=algorithm)
    return ciphertext, b"", b"", secret


def _decrypt(hsm: Hsm, key: preflight.ProtectedKeyRow, algorithm: str, request: UseKey) -> tuple[bytes]:
    plaintext = hsm.decrypt(
        key.stored,
        algorithm=algorithm,
        ciphertext=request.value,
        iv=request.iv,
        aad=request.aad,
        tag=request.tag,
        vault_key=key.vault_key,
    )
    return (plaintext,)


def _unwrap(hsm: Hsm, key: preflight.ProtectedKeyRow, algorithm: str, request: UseKey) -> tuple[bytes]:
    if algorithm not in rules.ML_KEM_CIPHERTEXT:
        return _decrypt(hsm, key, algorithm, request)
    value = request.value
    return (hsm.decapsulate(key.stored, algorithm=algorithm, ciphertext=value, vault_key=key.vault_key),)


# Each returns (value,), (ciphertext, iv, tag), or (ciphertext, "", "", shared secret).
_USES: dict[str, Callable[[Hsm, preflight.ProtectedKeyRow, str, UseKey], tuple[bytes, ...]]] = {
    rules.SIGN: _sign,
    rules.VERIFY: _verify,
    rules.ENCRYPT: _encrypt,
    rules.WRAP: _wrap,
    rules.DECRYPT: _decrypt,
    rules.UNWRAP: _unwrap,
}
