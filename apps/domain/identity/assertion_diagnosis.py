"""Why an assertion was denied: what was presented, and what is required.

The caller that presented the assertion reads these sentences, so they contain nothing that only the application's owner
may know: not whether it exists, and not which of issuer, subject and audience no trust of it has. `apps.domain.denials`
explains the denial to its owner.
"""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import jwt

from apps.domain.identity import client_assertions

_LONGEST = 200  # characters of a presented value


class AssertionDenial(NamedTuple):
    """A code as Microsoft Entra names the reason, and the sentence."""

    code: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


def diagnose(*, client_id: UUID, assertion: str, issuer_keys: dict[str, Any], now: datetime) -> AssertionDenial:
    """Say why an assertion that was denied was not valid."""
    claims = client_assertions.read_claims(assertion)
    if claims is None:
        return AssertionDenial("AADSTS50027", "The client assertion is not a JSON Web Token with issuer and subject.")
    header = jwt.get_unverified_header(assertion)
    if not client_assertions.is_in_time(claims, now):
        presented = f"from {_time(claims.get('nbf'))} to {_time(claims.get('exp'))}"
        return AssertionDenial(
            "AADSTS700024", f"The client assertion is valid {presented}; required is {now:%Y-%m-%dT%H:%M:%SZ}."
        )
    if client_assertions.is_own(claims, client_id):
        return _diagnose_own(claims, header)
    return _diagnose_federated(client_id, claims, header, issuer_keys)


def _diagnose_own(claims: dict[str, Any], header: dict[str, Any]) -> AssertionDenial:
    accepted = client_assertions.own_audiences()
    if not set(client_assertions.audiences_of(claims)) & set(accepted):
        return AssertionDenial(
            "AADSTS700023",
            f"The client assertion has the audience {_shown(claims.get('aud'))}; required is {accepted[0]}.",
        )
    thumbprint = header.get("x5t#S256") or header.get("x5t")
    return AssertionDenial(
        "AADSTS700027",
        "The client assertion is not signed by a certificate of the application that is valid, or another address has "
        f"used it. Thumbprint of the certificate presented: {_shown(thumbprint)}.",
    )


def _diagnose_federated(
    client_id: UUID, claims: dict[str, Any], header: dict[str, Any], issuer_keys: dict[str, Any]
) -> AssertionDenial:
    issuer, subject, audience = (_shown(claims.get(name)) for name in ("iss", "sub", "aud"))
    if not client_assertions.is_trusted(client_id, claims):
        return AssertionDenial(
            "AADSTS70021",
            "No federated trust of the application matches the presented assertion. Assertion issuer: "
            f"{issuer}. Assertion subject: {subject}. Assertion audience: {audience}. Required are issuer, subject and "
            "audience of one trust, letter by letter.",
        )
    kid = header.get("kid")
    if str(kid) not in issuer_keys:
        return AssertionDenial(
            "AADSTS700027",
            f"The client assertion names the key {_shown(kid)}, which its issuer {issuer} does not publish.",
        )
    return AssertionDenial(
        "AADSTS700027",
        f"The client assertion's signature does not verify with the key {_shown(kid)} of its issuer {issuer}, or its "
        "algorithm is not accepted.",
    )


def _shown(value: Any) -> str:
    """A presented value in quotation marks, as far as it can be printed."""
    text = value if isinstance(value, str) else "none" if value is None else str(value)
    printable = "".join(character if character.isprintable() else "?" for character in text[:_LONGEST])
    return f"'{printable.encode('utf-8', 'replace').decode()}'"


def _time(value: Any) -> str:
    if value is None:
        return "any time"
    try:
        return f"{datetime.fromtimestamp(float(value), UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, TypeError, OverflowError, OSError):
        return _shown(value)
