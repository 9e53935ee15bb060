"""Access tokens: JWT (RFC 7519) signed ES256 by a key in the HSM, read as Azure's SDKs and services expect them.
Lifetime: `TOKEN_SECONDS` in rules.py.

Verifying a token costs about 0.1 ms; a valid token is cached by its SHA-256 until it expires. Whether its application
still exists and is enabled is checked each time; a change counts within a second.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.core.encoding import to_base64url
from apps.core.errors import Unauthenticated
from apps.core.lru_cache import LruCache
from apps.core.principals import Audience, Principal, RequestContext
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import IssueToken
from apps.domain.identity import queries
from apps.domain.identity.models import SigningKey
from apps.domain.identity.rules import TOKEN_SECONDS, digest_of

LONGEST_TOKEN = 16 * 1024
NOT_BEFORE_LEEWAY = 300  # seconds that another clock may be ahead; an expired token gets none


class TokenMissing(Unauthenticated):
    """No bearer token."""


class TokenRejected(Unauthenticated):
    """A bearer token that is not ours, not for us, or not valid now.

    `client_id`: the application that it was issued to, if a key of ours signed it.
    """

    code = "TokenRefused"

    def __init__(self, message: str = "", *, client_id: UUID | None = None) -> None:
        super().__init__(message)
        self.client_id = client_id


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    audience: str
    client_id: UUID
    expires: float
    key_id: UUID


KeyCheck = Callable[[SigningKey], None]

_verified: LruCache[bytes, _VerifiedToken] = LruCache(maxsize=20_000)
_verified_lock = threading.Lock()


def request_token(
    *,
    context: RequestContext,
    client_id: UUID,
    secret: str = "",
    assertion: str = "",
    issuer_keys: dict[str, Any] | None = None,
    audience: Audience = Audience.VAULTS,
) -> str:
    """Ask the HSM worker for an access token; "" when the credential is wrong. Raises `Unavailable`."""
    token: str = client.call(
        world=queries.list_signing_keys()[0].world_name,
        request=IssueToken(context.expires_at, context, client_id.hex, secret, assertion, issuer_keys or {}, audience),
    )
    return token


def unsigned_token(
    principal: Principal, key: SigningKey, *, asserted: bool, audience: Audience = Audience.VAULTS, now: datetime
) -> bytes:
    """Build header and claims of an access token (RFC 7515 section 5.1), which the HSM worker signs.

    `asserted`: the application signed in with an assertion instead of a secret, which the token says.
    """
    return _unsigned(key, orjson.dumps(_claims(principal, now, asserted, audience)), token_type="JWT")  # noqa: S106  no secret


def unsigned_statement(payload: bytes, key: SigningKey) -> bytes:
    """Build header and payload of a statement: its type keeps it from ever being taken for an access token."""
    return _unsigned(key, payload, token_type="vault-statement")  # noqa: S106


def _unsigned(key: SigningKey, payload: bytes, *, token_type: str) -> bytes:
    header = orjson.dumps({"alg": "ES256", "kid": key.pk.hex, "typ": token_type})
    return b".".join(to_base64url(part).encode() for part in (header, payload))


def authenticate(token: str, *, audience: Audience = Audience.VAULTS, check_key: KeyCheck | None = None) -> Principal:
    """Return the application of a bearer token. Raises `TokenRejected` with the message of the API's contract.

    `check_key`: raises unless the HSM has bound the signing key. The HSM worker gives it; a process without an HSM
    has only the database's word, and uses no key.
    """
    if len(token) > LONGEST_TOKEN:
        raise TokenRejected("AKV10046: Unable to resolve the key used for signature validation.")
    digest = digest_of(token)
    with _verified_lock:
        known = _verified.get(digest)
    if known is None:
        known = _verify(token, check_key)
        with _verified_lock:
            _verified.put(digest, known)
    expected = queries.addresses().audience(audience)
    if known.audience != expected:
        raise TokenRejected(f"AKV10022: Invalid audience. Expected {expected}, found: {known.audience[:200]}.")
    if known.expires <= time.time():
        raise TokenRejected("AKV10021: The token is expired.", client_id=known.client_id)
    if not any(key.id == known.key_id for key in queries.list_signing_keys()):
        raise TokenRejected("AKV10046: Unable to resolve the key used for signature validation.")
    principal = queries.find_application(client_id=known.client_id)
    if principal is None:
        text = "AKV10048: The application of this token does not exist or is disabled."
        raise TokenRejected(text, client_id=known.client_id)
    return principal


def jwks() -> dict[str, Any]:
    """Return the public halves of our signing keys (RFC 7517)."""
    return {"keys": [_jwk(key) for key in queries.list_signing_keys()]}


def _claims(principal: Principal, now: datetime, asserted: bool, audience: Audience) -> dict[str, Any]:
    issued = int(now.timestamp())
    addresses = queries.addresses()
    return {
        "aud": addresses.audience(audience),
        "iss": addresses.issuer(principal.tenant_id),
        "iat": issued,
        "nbf": issued,
        "exp": issued + TOKEN_SECONDS,
        "appid": principal.client_id,
        "azp": principal.client_id,
        "appidacr": "2" if asserted else "1",
        "idtyp": "app",
        "oid": str(principal.id),
        "sub": str(principal.id),
        "tid": str(principal.tenant_id),
        "ver": "2.0",
    }


def _verify(token: str, check_key: KeyCheck | None) -> _VerifiedToken:
    """Verify key, algorithm, issuer and times. Everything else in the header is ignored, above all `jku`."""
    addresses, tenant = queries.addresses(), str(queries.get_organisation().tenant_id)
    try:
        key_id, public_key = _key_of(token, check_key)
        claims = jwt.decode(
            token,
            public_key,
            algorithms=["ES256"],
            options={
                "require": ["exp", "nbf", "iat", "aud", "iss", "tid", "appid"],
                "verify_aud": False,
                "verify_iss": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenRejected("AKV10046: Unable to resolve the key used for signature validation.") from None
    if claims["iss"] != addresses.issuer(tenant) or claims["tid"] != tenant:
        raise TokenRejected(
            f"AKV10032: Invalid issuer. Expected {addresses.issuer(tenant)}, found {str(claims['iss'])[:200]}."
        )
    return _check_times(claims, key_id)


def _check_times(claims: dict[str, Any], key_id: UUID) -> _VerifiedToken:
    try:
        known = _VerifiedToken(str(claims["aud"]), UUID(str(claims["appid"])), float(claims["exp"]), key_id)
        not_before, issued = float(claims["nbf"]), float(claims["iat"])
    except (TypeError, ValueError, OverflowError):
        raise TokenRejected("AKV10046: Unable to resolve the key used for signature validation.") from None
    moment = time.time()
    if not (known.expires - issued <= TOKEN_SECONDS and issued <= moment + NOT_BEFORE_LEEWAY):  # also for NaN
        text = "AKV10021: The token is valid for longer than this service issues."
        raise TokenRejected(text, client_id=known.client_id)
    if not known.expires > moment:
        raise TokenRejected("AKV10021: The token is expired.", client_id=known.client_id)
    if not not_before <= moment + NOT_BEFORE_LEEWAY:
        raise TokenRejected("AKV10021: The token is not valid yet.", client_id=known.client_id)
    return known


def _key_of(token: str, check_key: KeyCheck | None) -> tuple[UUID, ec.EllipticCurvePublicKey]:
    header = jwt.get_unverified_header(token)
    if header.get("typ") not in ("JWT", None):  # our other statements are not tokens
        raise jwt.InvalidTokenError
    kid = header.get("kid")
    for key in queries.list_signing_keys():
        if key.pk.hex == kid:
            if check_key is not None:
                check_key(key)
            return key.id, _load_public_key(key)
    raise jwt.InvalidKeyError


def _load_public_key(key: SigningKey) -> ec.EllipticCurvePublicKey:
    if key.protected is None:
        raise jwt.InvalidKeyError
    public = serialization.load_der_public_key(bytes(key.protected.public_key))
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise jwt.InvalidKeyError
    return public


def _jwk(key: SigningKey) -> dict[str, str]:
    numbers = _load_public_key(key).public_numbers()
    return {
        "kty": "EC",
        "use": "sig",
        "alg": "ES256",
        "crv": "P-256",
        "kid": key.pk.hex,
        "x": to_base64url(numbers.x.to_bytes(32)),
        "y": to_base64url(numbers.y.to_bytes(32)),
    }
