"""What an application's credentials were when a token was refused to it: for its owner, who sees them anyway."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from apps.identity.credentials import list_certificates, list_trusts
from apps.identity.models import ApplicationIdentity
from apps.identity.queries import list_client_secrets


class _Ends(Protocol):
    created: datetime
    expires: datetime


def credentials_of(application: ApplicationIdentity, *, reason: str, at: datetime) -> str:
    """A sentence on what was there at that time, or nothing where credentials do not matter."""
    if not application.user.is_active:
        return f"{application.name} is stopped: nothing that it shows is taken."
    if reason == "AADSTS7000215":
        return _secrets(application.name, list_client_secrets(application=application), at)
    if reason == "AADSTS700027":
        certificates = list_certificates(application=application)
        trusts = len(list_trusts(application=application))
        trusted = f" It trusts {trusts} subjects of other issuers." if trusts else ""
        return _certificates(application.name, certificates, at) + trusted
    return ""


def _secrets(name: str, rows: Sequence[_Ends], at: datetime) -> str:
    if not rows:
        return f"{name} has no client secret. Add one."
    if not _alive(rows, at):
        return f"Every client secret of {name} had expired, the last on {_last(rows):%Y-%m-%d}. Add another."
    return f"{name} has a client secret that was valid then, and this was not it. Compare what was deployed."


def _certificates(name: str, rows: Sequence[_Ends], at: datetime) -> str:
    if not rows:
        return f"{name} has no certificate."
    if not _alive(rows, at):
        return f"Every certificate of {name} had expired, the last on {_last(rows):%Y-%m-%d}. Add another."
    return f"{name} has a certificate that was valid then. Its key did not sign this, or not for this address and time."


def _alive(rows: Sequence[_Ends], at: datetime) -> bool:
    return any(row.created <= at < row.expires for row in rows)


def _last(rows: Sequence[_Ends]) -> datetime:
    return max(row.expires for row in rows)
