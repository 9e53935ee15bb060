"""Client assertions: sign-in with a signed token instead of a secret (RFC 7523 section 2.2, RFC 7521 section 4.2).

Either the application signs it with the key of one of its certificates, as azure-identity's `CertificateCredential`
does, or another issuer that the application trusts does (workload identity federation).
"""

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

import jwt
from cachetools import TTLCache
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.encoding import BadEncoding, from_base64url
from apps.core.errors import Unavailable, VaultError
from apps.core.principals import Principal
from apps.core.ttl_cache import RateLimit, TtlCache
from apps.domain.identity import document_fetch, queries
from apps.domain.identity.issuer_keys import ALGORITHMS, public_half, readable_keys
from apps.domain.identity.models import ClientCertificate, FederatedTrust, UsedAssertion

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST = 16 * 1024
_MAX_LIFETIME = 3600  # seconds; the SDKs ask for ten minutes
_LEEWAY = 300  # as for our tokens: another clock may be ahead
_CERTIFICATE_ALGORITHMS = ["RS256", "PS256"]
_ISSUER_ALGORITHMS = list(ALGORITHMS)

_MAX_FETCHES = 2  # at once, for different owners: a slow issuer holds a web thread

_keys: TtlCache[dict[str, Any]] = TtlCache(maxsize=1000, ttl=300.0)
_stale_keys: TtlCache[dict[str, Any]] = TtlCache(maxsize=1000, ttl=600.0)  # used while newer ones are fetched
_refetches = RateLimit(seconds=10.0)  # for keys that are not known: anybody can name one
_failed_issuers: TTLCache[str, bool] = TTLCache(maxsize=1000, ttl=10.0)  # issuers that have just failed to answer
_running_fetches: dict[str, UUID] = {}  # issuer to the owner of the trust
_lock = threading.Lock()


class IssuerBusy(Unavailable):
    """The issuer's keys are being fetched, or too many issuers are: requests do not queue for that."""


def verify_assertion(
    *, client_id: UUID, assertion: str, issuer_keys: dict[str, Any], address: str, now: datetime
) -> Principal | None:
    """Return the application of an assertion; None for an invalid one, or one that another address has used.

    `issuer_keys`: what `fetch_issuer_keys` found.
    """
    claims = read_claims(assertion)
    if claims is None:
        return None
    if is_own(claims, client_id):
        valid = _by_certificate(client_id, assertion, now) and _is_from_first_address(assertion, claims, address)
    else:
        valid = _by_trust(client_id, assertion, claims, issuer_keys, now)
    return queries.find_application(client_id=client_id) if valid else None


def fetch_issuer_keys(*, client_id: UUID, assertion: str) -> dict[str, Any]:
    """Return the JWK that an assertion of a trusted issuer names, by its kid; empty when there is none.

    The web process does this, because the HSM worker opens no connections. Raises `IssuerBusy`.
    """
    claims = read_claims(assertion)
    if claims is None or is_own(claims, client_id):
        return {}
    row = _find_trust(client_id, claims)
    if row is None:
        return {}
    kid = str(jwt.get_unverified_header(assertion).get("kid"))
    try:
        entry = _find_key(row.issuer, row.application.owner_id or row.application_id, kid)
    except IssuerBusy:
        raise
    except VaultError:
        return {}
    return {kid: entry} if entry is not None else {}


def read_claims(assertion: str) -> dict[str, Any] | None:
    """The claims of a readable assertion, not verified; issuer and subject are printable texts."""
    if len(assertion) > _LONGEST:
        return None
    try:
        jwt.get_unverified_header(assertion)
        claims: dict[str, Any] = jwt.decode(assertion, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(issuer, str) or not isinstance(subject, str) or not (issuer + subject).isprintable():
        return None  # names in a trust are printable; PostgreSQL rejects some of the others
    return claims


def is_own(claims: dict[str, Any], client_id: UUID) -> bool:
    """Tell whether the application itself signed, with the key of one of its certificates."""
    return bool(claims["iss"] == claims["sub"] == str(client_id))


def _is_from_first_address(assertion: str, claims: dict[str, Any], address: str) -> bool:
    """Remember the address that first used a verified assertion (RFC 7523 section 5, replay): no other may use it.

    The same address may: MSAL sends one assertion again within its ten minutes. What is remembered is what was signed:
    the same signature can be written in several ways.
    """
    signed, _, _ = assertion.rpartition(".")
    digest = hashlib.sha256(signed.encode()).digest()
    expires = datetime.fromtimestamp(float(claims["exp"]) + 1, tz=UTC)
    used, _ = UsedAssertion.objects.get_or_create(digest=digest, defaults={"address": address, "expires": expires})
    return used.address == address


def _by_certificate(client_id: UUID, assertion: str, now: datetime) -> bool:
    """Verify against the certificate that the header names, and the audience."""
    header = jwt.get_unverified_header(assertion)
    rows = ClientCertificate.objects.filter(
        application__client_id=client_id, application__user__is_active=True, expires__gt=now
    )
    row = next((row for row in rows if _matches_thumbprint(header, row)), None)
    if row is None:
        return False
    certificate = x509.load_der_x509_certificate(bytes(row.der))
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or certificate.not_valid_before_utc > now:
        return False
    ours = set(own_audiences())
    return _is_valid(assertion, key, _CERTIFICATE_ALGORITHMS, lambda claims: audiences_of(claims) <= ours, now)


def own_audiences() -> list[str]:
    """The audiences that an assertion of a certificate may have; the tenant's token endpoint is the first."""
    addresses, tenant = queries.addresses(), queries.get_organisation().tenant_id
    first = f"{addresses.authority}/{tenant}/oauth2/v2.0/token"
    return [first, *sorted(addresses.token_endpoints(tenant) - {first}), addresses.issuer(tenant)]


def is_trusted(client_id: UUID, unverified: dict[str, Any]) -> bool:
    """Tell whether the application trusts issuer, subject and audience of an assertion, which is not verified."""
    return _find_trust(client_id, unverified) is not None


def is_in_time(claims: dict[str, Any], now: datetime) -> bool:
    """Tell whether an assertion has begun to be valid, and is still."""
    try:
        expires, not_before = float(claims["exp"]), float(claims.get("nbf", 0))
    except (KeyError, ValueError, TypeError, OverflowError):
        return False
    return not_before <= now.timestamp() + _LEEWAY and now.timestamp() < expires


def _by_trust(
    client_id: UUID, assertion: str, unverified: dict[str, Any], issuer_keys: dict[str, Any], now: datetime
) -> bool:
    """Verify against an issuer that the application trusts, for exactly the subject and audience of the trust."""
    row = _find_trust(client_id, unverified)
    # Reduced again: another process sent it.
    entry = public_half(issuer_keys.get(str(jwt.get_unverified_header(assertion).get("kid"))))
    if row is None or entry is None:
        return False
    return _is_valid(
        assertion, jwt.PyJWK(entry).key, _ISSUER_ALGORITHMS, lambda claims: row.audience in audiences_of(claims), now
    )


def _find_trust(client_id: UUID, unverified: dict[str, Any]) -> FederatedTrust | None:
    """The trust that an assertion names. Only the issuer of a trust is contacted."""
    rows = FederatedTrust.objects.select_related("application").filter(
        application__client_id=client_id,
        application__user__is_active=True,
        issuer=unverified["iss"],
        subject=unverified["sub"],
    )
    row = rows.first()
    return row if row is not None and row.audience in audiences_of(unverified) else None


def _is_valid(
    assertion: str, key: Any, algorithms: list[str], is_audience: Callable[[dict[str, Any]], bool], now: datetime
) -> bool:
    try:
        claims = jwt.decode(
            assertion,
            key,
            algorithms=algorithms,
            options={
                "require": ["exp", "iss", "sub", "aud"],
                "verify_aud": False,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        short_lived = float(claims["exp"]) <= now.timestamp() + _MAX_LIFETIME + _LEEWAY
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return False
    lasts = short_lived or algorithms is _ISSUER_ALGORITHMS
    return is_in_time(claims, now) and lasts and bool(audiences_of(claims)) and is_audience(claims)


def _matches_thumbprint(header: dict[str, Any], row: ClientCertificate) -> bool:
    """Tell whether the header names this certificate; SHA-256 comes before SHA-1 (RFC 7515 sections 4.1.7, 4.1.8)."""
    for name, digest in (("x5t#S256", row.sha256), ("x5t", row.sha1)):
        text = header.get(name)
        if text is not None:
            return isinstance(text, str) and _decode_thumbprint(text) == bytes(digest)
    return False


def _decode_thumbprint(text: str) -> bytes:
    """Decode base64url, or standard base64, which MSAL for Go writes here (1.10)."""
    try:
        return from_base64url(text.rstrip("=").replace("+", "-").replace("/", "_"), field="x5t")
    except BadEncoding:
        return b""


def audiences_of(claims: dict[str, Any]) -> set[str]:
    """Return the audiences: one text or several (RFC 7519 section 4.1.3)."""
    audience = claims.get("aud")
    texts = audience if isinstance(audience, list) else [audience]
    return {text for text in texts if isinstance(text, str)} if all(isinstance(text, str) for text in texts) else set()


def _find_key(issuer: str, owner: UUID, kid: str) -> dict[str, Any] | None:
    """The issuer's key of that name; None without one. Raises `IssuerBusy`, `NoDocument`.

    An unknown one is asked for at once (OpenID Connect Core section 10.1.1), seldom. What was known stays known
    while the issuer does not answer.
    """
    entry = _keys_of(issuer, owner).get(kid)
    if entry is None and _refetches.allows(issuer):
        name = _name_of(issuer)
        fetched = _fetch_once(name, issuer, owner)
        _keys.replace(name, fetched)
        entry = fetched.get(kid)
    return entry


def _name_of(issuer: str) -> str:
    return hashlib.sha256(issuer.encode()).hexdigest()


def _keys_of(issuer: str, owner: UUID) -> dict[str, Any]:
    """Map kid to JWK, at most five minutes old, or ten while newer ones are fetched. Raises `IssuerBusy`."""
    name = _name_of(issuer)
    try:
        return _keys.get(name, lambda: _fetch_once(name, issuer, owner))
    except IssuerBusy:
        return _stale_keys.get(name, _raise_busy)


def _raise_busy() -> NoReturn:
    raise IssuerBusy("The issuer is being asked for its keys. Try again in a second.")


def _fetch_once(name: str, issuer: str, owner: UUID) -> dict[str, Any]:
    """Fetch an issuer's keys once for all waiting requests. After a failure it is not contacted for ten seconds.

    Developers choose the issuers, which may be slow on purpose: one fetch at a time for each owner, few in all.
    """
    with _lock:
        if name in _failed_issuers:
            raise document_fetch.NoDocument("The issuer did not answer just now.")
        if name in _running_fetches or owner in _running_fetches.values() or len(_running_fetches) >= _MAX_FETCHES:
            _raise_busy()
        _running_fetches[name] = owner
    succeeded = False
    try:
        keys = _fetch_keys(issuer)
        succeeded = True
    finally:
        with _lock:
            del _running_fetches[name]
            if not succeeded:
                _failed_issuers[name] = True
    _stale_keys.invalidate(name)
    return _stale_keys.get(name, lambda: keys)


def _fetch_keys(issuer: str) -> dict[str, Any]:
    """Fetch keys by the issuer's discovery document (OpenID Connect Discovery 1.0 section 4)."""
    discovery = document_fetch.fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    uri = discovery.get("jwks_uri")
    if discovery.get("issuer") != issuer or not isinstance(uri, str):
        raise document_fetch.NoDocument("The issuer's discovery document names another issuer, or no keys.")
    return readable_keys(document_fetch.fetch_json(uri))
