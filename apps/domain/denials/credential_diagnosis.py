"""What an application's credentials were when a token was refused to it: for its owner, who sees them anyway."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from apps.domain.identity.credentials import list_certificates, list_trusts
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import list_client_secrets


class _Ends(Protocol):
    created: datetime
    expires: datetime


def diagnose_credentials(application: ApplicationIdentity, *, reason: str, at: datetime) -> str:
    """A sentence on what was there at that time, or nothing where credentials do not matter."""
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


def _secrets(name: str, rows: Sequence[_Ends], at: datetime) -> str:
    if not rows:
        return f"{name} has no client secret. Add one."
    there = _made_before(rows, at)
    if not there:
        return f"{name} had no client secret then that it still has. Compare what was deployed."
    if not _alive(there, at):
        return f"Every client secret of {name} had expired, the last on {_last(there):%Y-%m-%d}. {_next(rows, there)}"
    return f"{name} has a client secret that was valid then, and this was not it. Compare what was deployed."


def _certificates(name: str, rows: Sequence[_Ends], at: datetime) -> str:
    if not rows:
        return f"{name} has no certificate."
    there = _made_before(rows, at)
    if not there:
        return f"{name} had no certificate then that it still has."
    if not _alive(there, at):
        return f"Every certificate of {name} had expired, the last on {_last(there):%Y-%m-%d}. {_next(rows, there)}"
    return f"{name} has a certificate that was valid then. Its key did not sign this, or not for this address and time."


def _made_before(rows: Sequence[_Ends], at: datetime) -> list[_Ends]:
    """What came after the refusal, its successor for one, tells nothing of it."""
    return [row for row in rows if row.created <= at]


def _alive(rows: Sequence[_Ends], at: datetime) -> bool:
    return any(at < row.expires for row in rows)


def _next(rows: Sequence[_Ends], there: Sequence[_Ends]) -> str:
    return "It has got another since." if len(rows) > len(there) else "Add another."


def _last(rows: Sequence[_Ends]) -> datetime:
    return max(row.expires for row in rows)
