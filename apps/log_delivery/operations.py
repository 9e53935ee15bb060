"""Changes of a vault's log destination and log retention. Every function demands a `Grant`.

On a production vault each change of the destination, and each shorter retention, needs an approval.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.digests import digest_of
from apps.core.errors import BadRequest, Conflict, Unavailable
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_operation
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import SealDestination
from apps.domain.vaults.models import Vault
from apps.log_delivery import queries, rules
from apps.log_delivery.models import DeliveryState, LogDestination, LogRetention, Replay

_TEST_SECONDS = 20.0


class BadReplay(BadRequest):
    """A range that cannot be delivered again."""


class DestinationChanged(Conflict):
    """The destination was changed at the same time."""


class DeliveryUnavailable(Unavailable):
    """The delivery process does not answer."""

    code = "DeliveryAway"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A checked destination, as it is to be."""

    kind: str
    settings: rules.Settings
    public_key: str
    on_full: str

    @property
    def place(self) -> str:
        return rules.place(self.kind, self.settings.config)


def set_destination(
    *,
    grant: Grant,
    vault: Vault,
    kind: str,
    given: Mapping[str, str],
    public_key: str | None = None,
    on_full: str | None = None,
    now: datetime,
) -> LogDestination:
    """Deliver the vault's log there from now on; from its beginning, when the place changes.

    What is left out (None) stays: settings as long as the kind does, credentials as long as the place does. Raises
    `BadDestination`, `ApprovalRequired`, `HsmUnavailable`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    before = queries.find_destination(vault_id=vault.pk)
    if before is not None:
        given = {**before.config, **given} if before.kind == kind else given
        public_key = before.public_key if public_key is None else public_key
        on_full = before.on_full if on_full is None else on_full
    wanted = _check(before, kind, given, public_key or "", on_full or LogDestination.OnFull.GO_ON)
    stays = before is not None and before.kind == kind and rules.place(kind, before.config) == wanted.place
    if before is not None and not stays:
        rules.check_settings(kind, given)  # what was stored for one place is not sent to another
    destination = before if before is not None and stays else LogDestination(vault=vault, created=now)
    _check_all_or_none(destination, wanted.settings.credentials)
    sealed = _encrypt(grant, destination, wanted.settings.credentials)
    with _approved_change(grant, vault, before, Operation.LOG_DESTINATION_PUT, _change(before, wanted), now):
        if before is not None and not stays:
            _remove(before)
        _save(destination, wanted, sealed, now)
    return destination


def remove_destination(*, grant: Grant, vault: Vault, now: datetime) -> None:
    """Stop the delivery of the vault's log. Raises `DestinationNotFound`, `ApprovalRequired`."""
    grant.require(Permission.VAULTS_UPDATE)
    before = queries.get_destination(vault_id=vault.pk)
    change = {"log destination": f"{rules.place(before.kind, before.config)} → none"}
    with _approved_change(grant, vault, before, Operation.LOG_DESTINATION_DELETE, change, now):
        _remove(before)  # log delivery resumes a vault that it had suspended


def set_retention(*, grant: Grant, vault: Vault, days: int | None, now: datetime) -> None:
    """Keep records for a number of days; None: indefinitely. Undelivered records stay in any case.

    Raises `BadLogRetention`, `ApprovalRequired`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    rules.check_retention_days(days)
    before = queries.retention_days(vault_id=vault.pk)
    change = {"retention of the audit log": f"{_days(before)} → {_days(days)}"}
    guarded = vault.production and rules.is_shorter(before, days)
    with approved_operation(
        grant=grant.at(vault),
        act=GuardedOperation.RETENTION_SHORTENED,
        guarded=guarded,
        subject="the audit log",
        change=change,
        now=now,
    ):
        Vault.objects.select_for_update(of=("self",)).get(pk=vault.pk)
        if queries.retention_days(vault_id=vault.pk) != before:
            raise DestinationChanged("The retention has just been changed. Review it and try again.")
        LogRetention.objects.update_or_create(vault=vault, defaults={"days": days, "changed": now})
        append_change(grant, operation=Operation.LOG_RETENTION_PUT, object_id="log/retention", change=change)


def try_destination(*, grant: Grant, vault: Vault, now: datetime) -> str:
    """Let the delivery process store a test object. Return the error message, or "".

    Raises `DestinationNotFound`, `DeliveryUnavailable`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    destination = queries.get_destination(vault_id=vault.pk)
    with transaction.atomic():
        LogDestination.objects.filter(pk=destination.pk).update(tested=now)
        append_change(grant, operation=Operation.LOG_DESTINATION_TEST, object_id="log/destination")
    until = time.monotonic() + _TEST_SECONDS
    while time.monotonic() < until:
        row = queries.get_destination(vault_id=vault.pk)
        if row.test_done is not None and row.test_done >= now:
            return row.test_error
        time.sleep(0.2)
    raise DeliveryUnavailable("The delivery process does not answer. Look at its log, then test again.")


def replay(*, grant: Grant, vault: Vault, first: int, last: int, now: datetime) -> Replay:
    """Deliver the records from `first` to `last` again, as the objects that held them. Raises `BadReplay`."""
    grant.require(Permission.VAULTS_UPDATE)
    destination = queries.get_destination(vault_id=vault.pk)
    state = DeliveryState.objects.get(pk=destination.pk)
    if not state.first <= first <= last < state.delivered:
        raise BadReplay(
            f"Records {state.first} to {state.delivered - 1} were delivered there; name a range within them."
            if state.delivered > state.first
            else "Nothing was delivered there yet."
        )
    with transaction.atomic():
        row = Replay.objects.create(
            destination=destination,
            first=first,
            last=last,
            next=first,
            requested_by=grant.principal.name,
            created=now,
        )
        append_change(grant, operation=Operation.LOG_REPLAY, object_id="log/destination", first=first, last=last)
    return row


def _check(
    before: LogDestination | None, kind: str, given: Mapping[str, str], public_key: str, on_full: str
) -> _Wanted:
    """Check everything but the place. Credentials that are stored may be left out."""
    stored = before.credential_names if before is not None and before.kind == kind else []
    checked = rules.check_settings(kind, given, frozenset(stored))
    rules.check_public_key(public_key)
    rules.check_encryption(kind, public_key)
    if on_full not in LogDestination.OnFull.values:
        raise rules.BadDestination("What happens when records cannot be delivered is one of: fail-closed, go-on.")
    return _Wanted(kind, checked, public_key, on_full)


def _state(before: LogDestination | None) -> dict[str, Any]:
    """The destination that an approval replaces, by its id and its state."""
    if before is None:
        return {"basis": {"destination": ""}}
    return {"concerns": [before.pk], "basis": {"destination": str(before.pk), "changed": before.changed.isoformat()}}


@contextmanager
def _approved_change(  # noqa: PLR0917  private, two callers
    grant: Grant,
    vault: Vault,
    before: LogDestination | None,
    operation: Operation,
    change: dict[str, str],
    now: datetime,
) -> Iterator[None]:
    """Run an approved change of the destination that is there now, and record it. Raises `DestinationChanged`."""
    with approved_operation(
        grant=grant.at(vault),
        act=GuardedOperation.LOG_DESTINATION,
        guarded=vault.production,
        subject="the log destination",
        change=change,
        now=now,
        **_state(before),
    ):
        Vault.objects.select_for_update(of=("self",)).get(pk=vault.pk)
        if _state(queries.find_destination(vault_id=vault.pk)) != _state(before):
            raise DestinationChanged("The log destination has just been changed. Review it and try again.")
        yield
        append_change(grant, operation=operation, object_id="log/destination", change=change)


def _save(destination: LogDestination, wanted: _Wanted, sealed: dict[str, bytes], now: datetime) -> None:
    destination.kind, destination.config = wanted.kind, wanted.settings.config
    destination.public_key, destination.on_full, destination.changed = wanted.public_key, wanted.on_full, now
    fields = ["kind", "config", "public_key", "on_full", "changed"]
    is_new = "segments" in sealed
    if wanted.settings.credentials or is_new:
        destination.sealed = sealed["credentials"]
        destination.credential_names = sorted(wanted.settings.credentials)
        fields += ["sealed", "credential_names"]
    if is_new:
        destination.sealed_secret = sealed["segments"]
        destination.save(force_insert=True)
        DeliveryState.objects.create(destination=destination)
    else:
        destination.save(update_fields=fields)
        DeliveryState.objects.filter(pk=destination.pk).update(next_try=None)


def _remove(destination: LogDestination) -> None:
    LogDestination.objects.filter(pk=destination.pk).only("pk").delete()  # the database role may read no more


def _check_all_or_none(destination: LogDestination, credentials: rules.Credentials) -> None:
    """Stored credentials are not decrypted to be mixed with new ones."""
    names = set(destination.credential_names)
    if credentials and names and set(credentials) != names:
        raise rules.BadDestination("Enter all credentials again, or leave all of them empty to keep the stored ones.")


def _encrypt(grant: Grant, destination: LogDestination, credentials: rules.Credentials) -> dict[str, bytes]:
    """Encrypt what is new: credentials if there are any, and a secret for the segments of a new destination."""
    vault = destination.vault
    values = {"credentials": orjson.dumps(dict(credentials)) if credentials else b""}
    if destination._state.adding:  # noqa: SLF001  Django documents it
        values["segments"] = secrets.token_bytes(32)
    sealed = {}
    for part, value in values.items():
        fields = {"destination_id": destination.pk.hex, "part": part, "value": value}
        sealed[part] = client.call_as(grant, vault, "", "", SealDestination, **fields) if value else b""
    return sealed


def _change(before: LogDestination | None, wanted: _Wanted) -> dict[str, str]:
    """Describe the change in words. Credentials show as a digest, so that an approval is for exactly these."""
    current = rules.place(before.kind, before.config) if before else "none"
    change = {"log destination": f"{current} → {wanted.place}", "when records cannot leave": wanted.on_full}
    if wanted.settings.credentials:
        text = orjson.dumps(dict(wanted.settings.credentials), option=orjson.OPT_SORT_KEYS)
        digest = hmac.new(settings.SECRET_KEY.encode(), b"log-destination\x00" + text, hashlib.sha256).hexdigest()
        change["credentials"] = f"new ({digest})"
    change["settings"] = digest_of([wanted.settings.config, wanted.public_key])
    change["encrypted to the owner"] = "yes" if wanted.public_key else "no"
    return change


def _days(days: int | None) -> str:
    return "for ever" if days is None else f"{days} days"
