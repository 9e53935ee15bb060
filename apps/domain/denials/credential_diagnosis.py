"""Diagnosis of an application's credentials at the time of a denied token request, for its owner."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from apps.domain.identity.credentials import list_certificates, list_trusts
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import list_client_secrets


class _Credential(Protocol):
    created: datetime
    expires: datetime


def diagnose_credentials(application: ApplicationIdentity, *, reason: str, at: datetime) -> str:
    """Describe the credentials at that time; "" where they do not matter."""
    if not application.user.is_active:
        return f"{application.name} is suspended: its credentials are rejected."
    if reason == "AADSTS7000215":
        return _secrets(application.name, list_client_secrets(application=application), at)
    if reason == "AADSTS700027":
        certificates = list_certificates(application=application)
        trusts = len(list_trusts(application=application))
        trusted = f" It trusts {trusts} subjects of other issuers." if trusts else ""
        return _certificates(application.name, certificates, at) + trusted
    return ""


def _secrets(name: str, rows: Sequence[_Credential], at: datetime) -> str:
    if not rows:
        return f"{name} has no client secret. Add one."
    existing = _created_before(rows, at)
    if not existing:
        return f"{name} had no client secret then that it still has. Compare what was deployed."
    if not _is_any_valid(existing, at):
        expired, advice = _last_expiry(existing), _advice(rows, existing)
        return f"Every client secret of {name} had expired, the last on {expired:%Y-%m-%d}. {advice}"
    return f"{name} has a client secret that was valid then, and this was not it. Compare what was deployed."


def _certificates(name: str, rows: Sequence[_Credential], at: datetime) -> str:
    if not rows:
        return f"{name} has no certificate."
    existing = _created_before(rows, at)
    if not existing:
        return f"{name} had no certificate then that it still has."
    if not _is_any_valid(existing, at):
        expired, advice = _last_expiry(existing), _advice(rows, existing)
        return f"Every certificate of {name} had expired, the last on {expired:%Y-%m-%d}. {advice}"
    return f"{name} has a certificate that was valid then. Its key did not sign this, or not for this address and time."


def _created_before(rows: Sequence[_Credential], at: datetime) -> list[_Credential]:
    """Leave out credentials added after the denial, which did not cause it."""
    return [row for row in rows if row.created <= at]


def _is_any_valid(rows: Sequence[_Credential], at: datetime) -> bool:
    return any(at < row.expires for row in rows)


def _advice(rows: Sequence[_Credential], existing: Sequence[_Credential]) -> str:
    return "It has got another since." if len(rows) > len(existing) else "Add another."


def _last_expiry(rows: Sequence[_Credential]) -> datetime:
    return max(row.expires for row in rows)
