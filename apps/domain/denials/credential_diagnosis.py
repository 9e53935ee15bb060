"""Diagnosis of an application's credentials at the time of a denied token request, for its owner."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from apps.domain.identity.credentials import list_certificates, list_trusts
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import list_client_secrets

_SHOWN = 5  # trusts


class _Credential(Protocol):
    created: datetime
    expires: datetime


def diagnose_credentials(application: ApplicationIdentity, *, reason: str, at: datetime) -> str:
    """Describe the credentials at that time; "" where they do not matter."""
    if not application.user.is_active:
        return f"{application.name} is suspended: its credentials are rejected."
    if reason == "AADSTS7000215":
        return _diagnose(_SECRET, application.name, list_client_secrets(application=application), at)
    if reason == "AADSTS700027":
        certificates = list_certificates(application=application)
        trusted = f" {_describe_trusts(application)}" if list_trusts(application=application) else ""
        return _diagnose(_CERTIFICATE, application.name, certificates, at) + trusted
    if reason == "AADSTS70021":
        return _describe_trusts(application)
    return ""


def _describe_trusts(application: ApplicationIdentity) -> str:
    """What an assertion of another issuer must have."""
    trusts = list_trusts(application=application)
    if not trusts:
        return f"{application.name} has no federated trust. Add one."
    required = "; or ".join(
        f"issuer '{trust.issuer}', subject '{trust.subject}', audience '{trust.audience}'" for trust in trusts[:_SHOWN]
    )
    more = f" (and {len(trusts) - _SHOWN} more)" if len(trusts) > _SHOWN else ""
    return f"Required is, letter by letter: {required}{more}."


class _Sentences(NamedTuple):
    """What is special about a kind of credential."""

    kind: str
    none: str  # advice when there is none
    newer: str  # advice when all of them are newer than the request
    valid: str  # when one was valid


_SECRET = _Sentences(
    kind="client secret",
    none=" Add one.",
    newer=" Compare what was deployed.",
    valid=", and this was not it. Compare what was deployed.",
)
_CERTIFICATE = _Sentences(
    kind="certificate",
    none="",
    newer="",
    valid=". Its key did not sign this, or not for this address and time.",
)


def _diagnose(words: _Sentences, name: str, rows: Sequence[_Credential], at: datetime) -> str:
    if not rows:
        return f"{name} has no {words.kind}.{words.none}"
    existing = [row for row in rows if row.created <= at]  # one added after the denial did not cause it
    if not existing:
        return f"{name} had no {words.kind} then that it still has.{words.newer}"
    expired = max(row.expires for row in existing)
    if expired <= at:
        advice = "It has got another since." if len(rows) > len(existing) else "Add another."
        return f"Every {words.kind} of {name} had expired, the last on {expired:%Y-%m-%d}. {advice}"
    return f"{name} has a {words.kind} that was valid then{words.valid}"
