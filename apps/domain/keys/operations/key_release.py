"""Secure key release: an exportable key, encrypted to an attested key (docs/reference/wire-contract.md section 11)."""

from datetime import datetime
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import ReleaseKey, SignStatement
from apps.domain.identity import attestation
from apps.domain.identity.issuer_keys import public_half
from apps.domain.identity.queries import list_signing_keys
from apps.domain.keys import queries, release_policy, rules
from apps.domain.keys.queries import KeyFacts
from apps.domain.vaults.models import Vault

ENCRYPTIONS = ("CKM_RSA_AES_KEY_WRAP", "RSA_AES_KEY_WRAP_256", "RSA_AES_KEY_WRAP_384")


def release_key(
    *, grant: Grant, vault: Vault, name: str, version: str, token: str, encryption: str, now: datetime
) -> tuple[KeyFacts, str, bytes]:
    """(key version, kid of the recipient's key, ciphertext) for an environment whose attestation token is believed.

    Raises `KeyNotFound`, `KeyDisabled`, `BadKeyParameter`, `AttestationRejected`, `ReleaseDenied`, `HsmUnavailable`.
    """
    grant.require(Permission.KEYS_RELEASE, vault_id=vault.pk)
    facts = queries.find_facts(vault_id=vault.pk, name=name, version=version)
    rules.check_release(enabled=facts.enabled, exportable=facts.exportable)
    if facts.release_policy is None:
        raise rules.KeyOperationForbidden("Operation release is not permitted on this key: it has no release policy.")
    if encryption not in ENCRYPTIONS:
        raise rules.BadKeyParameter(f"The property 'enc' must be one of {', '.join(ENCRYPTIONS)}.")
    policy = release_policy.parse(facts.release_policy["data"])
    issuer, claims = attestation.verify_attestation(token, trusted=release_policy.authorities(policy), now=now)
    if not release_policy.is_satisfied(policy, issuer=issuer, claims=claims):
        raise release_policy.ReleaseDenied("The attestation does not satisfy the release policy of this key.")
    kid, recipient = _recipient(claims)
    ciphertext: bytes = client.call_as(
        grant,
        vault,
        name,
        version,
        ReleaseKey,
        recipient=recipient,
        algorithm=encryption,
        issuer=issuer,
        recipient_id=kid,
    )
    return facts, kid, ciphertext


def sign_statement(*, grant: Grant, vault: Vault, name: str, version: str, payload: dict[str, Any]) -> str:
    """Have the token authority's HSM worker sign the statement of a release, a compact JWS (RFC 7515)."""
    grant.require(Permission.KEYS_RELEASE, vault_id=vault.pk)
    context = grant.request
    request = SignStatement(context.expires_at, context, vault.name, name, version, orjson.dumps(payload))
    statement: str = client.call(world=list_signing_keys()[0].world_name, request=request)
    return statement


def _recipient(claims: dict[str, Any]) -> tuple[str, bytes]:
    """(kid, SPKI) of the first key in `x-ms-runtime.keys` that encrypts. Raises `ReleaseDenied`."""
    runtime = claims.get("x-ms-runtime")
    keys = runtime.get("keys") if isinstance(runtime, dict) else None
    for key in keys if isinstance(keys, list) else []:
        spki = _encryption_key(key) if isinstance(key, dict) else None
        if spki is not None:
            return key["kid"][:256], spki
    raise release_policy.ReleaseDenied(
        "The attestation holds no RSA key of at least 2048 bits for encryption in 'x-ms-runtime.keys'."
    )


def _encryption_key(key: dict[str, Any]) -> bytes | None:
    uses = key.get("key_ops")
    encrypts = "enc" in (key.get("use"), key.get("key_use")) or (isinstance(uses, list) and "encrypt" in uses)
    kid = key.get("kid")
    if not isinstance(kid, str) or not kid.isprintable() or not encrypts:
        return None
    half = public_half({name: key.get(name) for name in ("kty", "n", "e")})
    public = jwt.PyJWK(half).key if half is not None else None
    if not isinstance(public, rsa.RSAPublicKey) or public.key_size < 2048:
        return None
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
