"""Attestation tokens: JWTs of issuers that security operations trust, and that a release policy names.

Only addresses of trusted issuers are fetched, never one that a token or a policy contains (no SSRF), with the issuer's
own certificate authority where it has one, through the guard of outbound connections: public addresses and
`FEDERATION_INSIDE_HOSTS`, without redirects, in limited time and size.

Keys are released on the word of an authority. Trusting or changing one that the release policy of a key in a production
vault names therefore needs an approval.
"""

import hashlib
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import jwt

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from apps.core.foreign_certificates import read_certificates_pem
from apps.core.outbound_http import tls_context
from apps.core.ttl_cache import RateLimit, TtlCache
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.effects import effect_of
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import AccessChanged, approved_operation
from apps.domain.identity.document_fetch import BadAddress, NoDocument, check_address, fetch_json
from apps.domain.identity.issuer_keys import ALGORITHMS, parse_jwks
from apps.domain.identity.models import AttestationAuthority

_LONGEST_TOKEN = 64 * 1024
_REMEMBERED_SECONDS = 60.0

_keys: TtlCache[dict[str, Any]] = TtlCache(maxsize=100, ttl=_REMEMBERED_SECONDS)
_refetches = RateLimit(seconds=10.0)  # for keys that are not known: anybody can name one


class AttestationRejected(Forbidden):
    """The attestation token is not trusted or not valid."""

    code = "AttestationRefused"


class AttestationUnavailable(Unavailable):
    """The issuer's keys cannot be fetched now."""


class BadAuthority(BadRequest):
    """Not a valid address of an issuer, or not its CA certificate."""


class AuthorityExists(Conflict):
    """The authority is trusted already. Changing its CA is another act."""


class AuthorityNotFound(NotFound):
    """No trusted authority has that address."""


def verify_attestation(token: str, *, trusted: Collection[str], now: datetime) -> tuple[str, dict[str, Any]]:
    """Return (issuer, claims) of a token whose issuer is trusted and among `trusted`.

    Raises `AttestationRejected`, `AttestationUnavailable`.
    """
    if len(token) > _LONGEST_TOKEN:
        raise AttestationRejected("The attestation token is too long.")
    try:
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise AttestationRejected("The attestation is not a JSON Web Token.") from None
    if issuer.rstrip("/") not in {authority.rstrip("/") for authority in trusted}:
        raise AttestationRejected("The attestation's issuer is not one that the release policy names.")
    authority = AttestationAuthority.objects.filter(url=issuer.rstrip("/")).first()
    if authority is None:
        raise AttestationRejected("The attestation's issuer is not trusted here. Ask security operations to trust it.")
    if not isinstance(kid, str) or not kid.isprintable():
        raise AttestationRejected(
            "The attestation's header names no key of its issuer: 'kid' must be a printable text."
        )
    key = _find_key(authority, kid)
    if key is None:
        raise AttestationRejected(
            f"The attestation is not signed by a key of its issuer: {authority.url} publishes no '{kid[:100]}'."
        )
    return issuer, _claims(token, key, now)


def _find_key(authority: AttestationAuthority, kid: str) -> Any:
    """The issuer's key of that name, None without one. An unknown one is asked for at once, seldom: keys change."""
    # By what the keys were fetched with: other processes hear nothing of a new CA certificate.
    source = (authority.url, authority.ca_pem)
    key = _keys.get(source, lambda: _fetch_keys(authority)).get(kid)
    if key is None and _refetches.allows(source):
        fetched = _fetch_keys(authority)
        _keys.replace(source, fetched)
        key = fetched.get(kid)
    return key


def trust_authority(*, grant: Grant, url: str, ca_pem: str = "", now: datetime) -> AttestationAuthority:
    """Trust the attestations of an issuer from now on. Nothing happens when it is trusted with this CA already.

    Raises `BadAuthority`, `AuthorityExists` for another CA, and `ApprovalRequired` if a key of a production vault
    names it.
    """
    grant.require(Permission.AUTHORITIES_TRUST)
    _check_authority(url, ca_pem)
    trusted = _find_same(url, ca_pem)
    if trusted is not None:
        return trusted
    with _approved(grant, url, None, ca_pem, now):
        row, created = AttestationAuthority.objects.get_or_create(
            url=url.rstrip("/"), defaults={"ca_pem": ca_pem, "created": now}
        )
        if not created:
            raise _exists(row)
        append_change(
            grant, operation=Operation.ATTESTATION_AUTHORITY_TRUST, object_id="authorities", authority=row.url
        )
    _keys.clear()
    return row


def change_authority(*, grant: Grant, url: str, ca_pem: str, now: datetime) -> AttestationAuthority:
    """Change the certificate authority of a trusted issuer; "" means the system's.

    Raises `BadAuthority`, `AuthorityNotFound`, and `ApprovalRequired` if a key of a production vault names it.
    """
    grant.require(Permission.AUTHORITIES_TRUST)
    _check_authority(url, ca_pem)
    before = AttestationAuthority.objects.filter(url=url.rstrip("/")).first()
    if before is None:
        raise AuthorityNotFound(f"{url[:200]} is not trusted.")
    with _approved(grant, url, before, ca_pem, now):
        row = AttestationAuthority.objects.select_for_update().get(pk=before.pk)
        if row.ca_pem != before.ca_pem:
            raise AccessChanged("The authority has just been changed. Review it and try again.")
        row.ca_pem = ca_pem
        row.save(update_fields=["ca_pem"])
        append_change(
            grant,
            operation=Operation.ATTESTATION_AUTHORITY_TRUST,
            object_id="authorities",
            authority=row.url,
            changed=["ca_pem"],
        )
    _keys.clear()
    return row


def authority_states(urls: Collection[str]) -> dict[str, str]:
    """Map addresses of authorities to what is trusted there: a digest of the CA, or that nothing is."""
    rows = AttestationAuthority.objects.filter(url__in=[url.rstrip("/") for url in urls])
    trusted = {row.url: f"{row.pk} {_digest(row.ca_pem)}" for row in rows}
    return {url: trusted.get(url.rstrip("/"), "not trusted") for url in urls}


def _find_same(url: str, ca_pem: str) -> AttestationAuthority | None:
    row = AttestationAuthority.objects.filter(url=url.rstrip("/")).first()
    if row is not None and row.ca_pem != ca_pem:
        raise _exists(row)
    return row


def _exists(row: AttestationAuthority) -> AuthorityExists:
    return AuthorityExists(f"{row.url} is trusted already. Change its CA certificate instead.")


@contextmanager
def _approved(
    grant: Grant, url: str, before: AttestationAuthority | None, ca_pem: str, now: datetime
) -> Iterator[None]:
    effect = effect_of(authority=url)
    current = _digest(before.ca_pem) if before else "none"
    change = {"authority": url, "certificate authority": f"{current} → {_digest(ca_pem)}"}
    with approved_operation(
        grant=grant,
        act=GuardedOperation.ATTESTATION_AUTHORITY,
        guarded=effect.guarded,
        subject=url,
        change={**change, "opens": effect.opens},
        now=now,
        concerns=[before.pk] if before else [],
        basis=effect.basis,
    ):
        if effect_of(authority=url).basis != effect.basis:
            raise AccessChanged("The keys that name this authority have just changed. Review them and try again.")
        yield


def _digest(ca_pem: str) -> str:
    return f"SHA-256 {hashlib.sha256(ca_pem.encode()).hexdigest()}" if ca_pem else "the system's"


def _check_authority(url: str, ca_pem: str) -> None:
    try:
        check_address(url)
    except BadAddress:
        raise BadAuthority("An attestation authority is an https address without user, query and fragment.") from None
    try:
        if ca_pem:
            read_certificates_pem(ca_pem.encode())
        tls_context(ca_pem)
    except (ssl.SSLError, ValueError) as error:
        raise BadAuthority(f"The authority's CA certificate cannot be read: {error}") from None


def _claims(token: str, key: Any, now: datetime) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(ALGORITHMS),
            options={"require": ["exp", "iat"], "verify_aud": False, "verify_exp": False, "verify_nbf": False},
        )
        expires, not_before = float(claims["exp"]), float(claims.get("nbf", 0))
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise AttestationRejected("The attestation's signature does not verify.") from None
    if not not_before <= now.timestamp() + 300 or not now.timestamp() < expires:
        raise AttestationRejected("The attestation is expired, or not valid yet.")
    return claims


def _fetch_keys(authority: AttestationAuthority) -> dict[str, Any]:
    """Map kid to key, from the issuer's discovery document (OpenID Connect Discovery 1.0 section 4)."""
    discovery = _get(authority, f"{authority.url}/.well-known/openid-configuration")
    uri = discovery.get("jwks_uri")
    if not isinstance(uri, str) or urlsplit(uri)[:2] != urlsplit(authority.url)[:2]:
        raise AttestationUnavailable("The issuer's discovery document has no 'jwks_uri' at the issuer's own address.")
    return parse_jwks(_get(authority, uri))


def _get(authority: AttestationAuthority, url: str) -> dict[str, Any]:
    try:
        return fetch_json(url, context=tls_context(authority.ca_pem))
    except (BadAddress, NoDocument):
        raise AttestationUnavailable("The attestation's issuer gave no usable document. Try again shortly.") from None
