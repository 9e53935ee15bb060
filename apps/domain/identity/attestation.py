"""Attestation tokens: JWTs of issuers that security operations trust, and that a release policy names.

Only addresses of trusted issuers are fetched, never one that a token or a policy contains (no SSRF), with the issuer's
own certificate authority where it has one, without redirects.
"""

import ssl
from collections.abc import Collection
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import jwt

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Forbidden, Unavailable
from apps.core.outbound_http import Guard, tls_context
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.identity.document_fetch import BadAddress, NoDocument, fetch_json, parse_jwks
from apps.domain.identity.models import AttestationAuthority

_LONGEST_TOKEN = 64 * 1024
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_REMEMBERED_SECONDS = 60.0

_keys: ShortTtlCache[dict[str, Any]] = ShortTtlCache(maxsize=100, ttl=_REMEMBERED_SECONDS)


class AttestationRejected(Forbidden):
    """The attestation token is not trusted or not valid."""

    code = "AttestationRefused"


class AttestationUnavailable(Unavailable):
    """The issuer's keys cannot be fetched now."""


class BadAuthority(BadRequest):
    """Not a valid address of an issuer."""


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
    # By what the keys were fetched with: other processes hear nothing of a new CA certificate.
    source = (authority.url, authority.ca_pem)
    key = _keys.get(source, lambda: _fetch_keys(authority)).get(str(kid))
    if key is None:
        raise AttestationRejected("The attestation is not signed by a key of its issuer.")
    return issuer, _claims(token, key, now)


def trust_authority(*, grant: Grant, url: str, ca_pem: str = "", now: datetime) -> AttestationAuthority:
    """Trust the attestations of an issuer from now on. Raises `BadAuthority`."""
    grant.require(Permission.AUTHORITIES_TRUST)
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise BadAuthority("An attestation authority is an https address without user, query and fragment.")
    try:
        ssl.create_default_context(cadata=ca_pem or None)
    except ssl.SSLError:
        raise BadAuthority("The authority's CA certificate is not PEM.") from None
    row, _ = AttestationAuthority.objects.update_or_create(
        url=url.rstrip("/"), defaults={"ca_pem": ca_pem}, create_defaults={"ca_pem": ca_pem, "created": now}
    )
    append_change(grant, operation=Operation.ATTESTATION_AUTHORITY_TRUST, object_id="authorities", authority=row.url)
    _keys.clear()
    return row


def _claims(token: str, key: Any, now: datetime) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=_ALGORITHMS,
            options={"require": ["exp", "iat"], "verify_aud": False, "verify_exp": False, "verify_nbf": False},
        )
        expires, not_before = float(claims["exp"]), float(claims.get("nbf", 0))
    except (jwt.PyJWTError, ValueError, TypeError):
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
    guard = Guard(hosts=frozenset({urlsplit(authority.url).hostname or ""}))  # trusted, and may be on our network
    try:
        return fetch_json(url, guard=guard, context=tls_context(authority.ca_pem))
    except (BadAddress, NoDocument):
        raise AttestationUnavailable("The attestation's issuer gave no usable document. Try again shortly.") from None
