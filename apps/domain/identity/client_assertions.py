"""Signing in with a signed assertion instead of a secret (RFC 7523 section 2.2, RFC 7521 section 4.2).

Either the application signs it with the key of one of its certificates, as azure-identity's `CertificateCredential`
does, or another issuer that the application trusts does (workload identity federation).
"""

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

import jwt
from cachetools import TTLCache
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.encoding import BadEncoding, from_base64url
from apps.core.errors import Unavailable, VaultError
from apps.core.principals import Principal
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.identity import document_fetch, queries
from apps.domain.identity.models import ClientCertificate, FederatedTrust

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST = 16 * 1024
_LONGEST_LIFE = 3600  # seconds; the SDKs ask for ten minutes
_LEEWAY = 300  # as for our tokens: another clock may be ahead
_OWN = ["RS256", "PS256"]
_OTHERS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]

_MOST_ASKED = 2  # issuers at once, of different owners: each holds a thread of the web for as long as it is slow

_keys: ShortTtlCache[dict[str, Any]] = ShortTtlCache(maxsize=1000, ttl=300.0)
_earlier: ShortTtlCache[dict[str, Any]] = ShortTtlCache(maxsize=1000, ttl=600.0)  # good while they are fetched anew
_silent: TTLCache[str, bool] = TTLCache(maxsize=1000, ttl=10.0)  # issuers that have just failed to answer
_asked: dict[str, UUID] = {}  # issuers that are being asked, and whose trust in them it is for
_lock = threading.Lock()


class IssuerBusy(Unavailable):
    """Its keys are being fetched, or as many issuers are asked as are at once: nobody waits in line for that."""


def verify_assertion(*, client_id: UUID, assertion: str, now: datetime) -> Principal | None:
    """The application that the assertion speaks for; None for whatever is not right with it. Raises `IssuerBusy`."""
    if len(assertion) > _LONGEST:
        return None
    try:
        header = jwt.get_unverified_header(assertion)
        claims = jwt.decode(assertion, options={"verify_signature": False})
        issuer, subject = claims.get("iss"), claims.get("sub")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    if not isinstance(issuer, str) or not isinstance(subject, str) or not (issuer + subject).isprintable():
        return None  # a trust's names are printable; others the database would not even compare
    own = issuer == subject == str(client_id)
    good = _by_certificate(client_id, assertion, header, now) if own else _by_trust(client_id, assertion, claims, now)
    return queries.find_application(client_id=client_id) if good else None


def _by_certificate(client_id: UUID, assertion: str, header: dict[str, Any], now: datetime) -> bool:
    """Signed by the key of the certificate that the header names, meant for us."""
    rows = ClientCertificate.objects.filter(
        application__client_id=client_id, application__user__is_active=True, expires__gt=now
    )
    row = next((row for row in rows if _names(header, row)), None)
    if row is None:
        return False
    certificate = x509.load_der_x509_certificate(bytes(row.der))
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or certificate.not_valid_before_utc > now:
        return False
    addresses, tenant = queries.addresses(), queries.get_organisation().tenant_id
    ours = [f"{addresses.authority}/{tenant}/oauth2/v2.0/token", addresses.issuer(tenant)]
    return _verifies(assertion, key, _OWN, lambda claims: _audiences(claims) <= set(ours), now)


def _by_trust(client_id: UUID, assertion: str, claimed: dict[str, Any], now: datetime) -> bool:
    """Signed by an issuer that the application trusts, for exactly the subject and audience that it named.

    Nothing is asked of an issuer that nobody here has named: the assertion's own words lead nowhere.
    """
    rows = FederatedTrust.objects.select_related("application").filter(
        application__client_id=client_id,
        application__user__is_active=True,
        issuer=claimed["iss"],
        subject=claimed["sub"],
    )
    row = rows.first()
    if row is None or row.audience not in _audiences(claimed):
        return False
    try:
        kid = str(jwt.get_unverified_header(assertion).get("kid"))
        key = _keys_of(row.issuer, row.application.owner_id or row.application_id).get(kid)
    except IssuerBusy:
        raise
    except (jwt.PyJWTError, VaultError):
        return False
    return key is not None and _verifies(
        assertion, key, _OTHERS, lambda claims: row.audience in _audiences(claims), now
    )


def _verifies(
    assertion: str, key: Any, algorithms: list[str], meant: Callable[[dict[str, Any]], bool], now: datetime
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
        expires, begins = float(claims["exp"]), float(claims.get("nbf", 0))
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        return False
    moment = now.timestamp()
    in_time = begins <= moment + _LEEWAY and moment < expires
    lasts = algorithms is _OTHERS or expires <= moment + _LONGEST_LIFE + _LEEWAY
    return in_time and lasts and bool(_audiences(claims)) and meant(claims)


def _names(header: dict[str, Any], row: ClientCertificate) -> bool:
    """Whether the header names this certificate; SHA-256 counts more than SHA-1 (RFC 7515 sections 4.1.7, 4.1.8)."""
    for name, digest in (("x5t#S256", row.sha256), ("x5t", row.sha1)):
        text = header.get(name)
        if text is not None:
            return isinstance(text, str) and _bytes_of(text) == bytes(digest)
    return False


def _bytes_of(text: str) -> bytes:
    try:
        return from_base64url(text.rstrip("="), field="x5t")
    except BadEncoding:
        return b""


def _audiences(claims: dict[str, Any]) -> set[str]:
    """RFC 7519 section 4.1.3: one text or several."""
    found = claims.get("aud")
    texts = found if isinstance(found, list) else [found]
    return {text for text in texts if isinstance(text, str)} if all(isinstance(text, str) for text in texts) else set()


def _keys_of(issuer: str, owner: UUID) -> dict[str, Any]:
    """Kid -> key, at most five minutes old, or ten while somebody fetches them anew. Raises `IssuerBusy`."""
    name = hashlib.sha256(issuer.encode()).hexdigest()
    try:
        return _keys.get(name, lambda: _ask(name, issuer, owner))
    except IssuerBusy:
        return _earlier.get(name, _refuse)


def _refuse() -> NoReturn:
    raise IssuerBusy("The issuer is being asked for its keys. Try again in a second.")


def _ask(name: str, issuer: str, owner: UUID) -> dict[str, Any]:
    """Asks for everybody who wants these keys now. An issuer that did not answer is left alone for ten seconds.

    A developer names whom we ask, and may answer slowly there: one at a time for each of them, few in all.
    """
    with _lock:
        if name in _silent:
            raise document_fetch.NoDocument("The issuer did not answer just now.")
        if name in _asked or owner in _asked.values() or len(_asked) >= _MOST_ASKED:
            _refuse()
        _asked[name] = owner
    answered = False
    try:
        found = _fetch(issuer)
        answered = True
    finally:
        with _lock:
            del _asked[name]
            if not answered:
                _silent[name] = True
    _earlier.forget(name)
    return _earlier.get(name, lambda: found)


def _fetch(issuer: str) -> dict[str, Any]:
    """From the issuer's discovery document (OpenID Connect Discovery 1.0 section 4)."""
    discovery = document_fetch.fetch_json(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    uri = discovery.get("jwks_uri")
    if discovery.get("issuer") != issuer or not isinstance(uri, str):
        raise document_fetch.NoDocument("The issuer's discovery document names another issuer, or no keys.")
    found = {}
    listed = document_fetch.fetch_json(uri).get("keys")
    for key in listed if isinstance(listed, list) else []:
        try:
            found[str(key["kid"])] = jwt.PyJWK(key).key
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            continue  # a key that we cannot read signs nothing that we believe
    return found
