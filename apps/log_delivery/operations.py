"""Deciding where a vault's usage log goes and how long it stays. Every function demands a `Grant`.

On a guarded vault a second person agrees to each change of the destination, and to forgetting records earlier.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from datetime import datetime

import orjson
from django.conf import settings
from django.db import transaction

from apps.core.errors import BadRequest, Unavailable
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope, authorize
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import Act
from apps.domain.approvals.operations import requires_approval
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import SealSecret
from apps.domain.vaults.models import Vault
from apps.log_delivery import queries, rules
from apps.log_delivery.models import DeliveryState, LogDestination, LogRetention, Replay

_SUBJECT = "the log destination"
_TEST_SECONDS = 20.0


class BadReplay(BadRequest):
    """A range that cannot be delivered again."""


class DeliveryUnavailable(Unavailable):
    """The delivery process does not answer."""

    code = "DeliveryAway"


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
    """Deliver the vault's log there from now on: the whole of it, when the place is another one than before.

    What is left out (None) stays: settings as long as the kind does, credentials as long as the place does. Raises
    `BadDestination`, `SecondPersonNeeded`, `HsmUnavailable`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    before = queries.find_destination(vault_id=vault.pk)
    stays = before is not None and before.kind == kind
    if before is not None:
        given = {**before.config, **given} if stays else given
        public_key = before.public_key if public_key is None else public_key
        on_full = before.on_full if on_full is None else on_full
    public_key, on_full = public_key or "", on_full or LogDestination.OnFull.GO_ON
    checked = rules.check_settings(kind, given, frozenset(before.credential_names) if before and stays else frozenset())
    rules.check_public_key(public_key)
    rules.check_encryption(kind, public_key)
    if on_full not in LogDestination.OnFull.values:
        raise rules.BadDestination("What happens when records cannot be delivered is one of: fail-closed, go-on.")
    same = before is not None and stays and rules.place(kind, before.config) == rules.place(kind, checked.config)
    if before is not None and not same:
        rules.check_settings(kind, given)  # what was kept for one place is not sent to another
    destination = before if before is not None and same else LogDestination(vault=vault, created=now)
    _check_whole(destination, checked.credentials)
    sealed = _sealed(grant, destination, checked.credentials)
    change = _change(before, kind, checked, public_key, on_full)
    with requires_approval(
        grant=_at(grant, vault),
        act=Act.LOG_DESTINATION,
        guarded=vault.production,
        subject=_SUBJECT,
        change=change,
        now=now,
    ):
        if before is not None and not same:
            _remove(before)
        destination.kind, destination.config = kind, checked.config
        destination.public_key, destination.on_full, destination.changed = public_key, on_full, now
        fields = ["kind", "config", "public_key", "on_full", "changed"]
        if checked.credentials or not same:
            destination.sealed, destination.credential_names = sealed["credentials"], sorted(checked.credentials)
            fields += ["sealed", "credential_names"]
        if same:
            destination.save(update_fields=fields)
            DeliveryState.objects.filter(pk=destination.pk).update(next_try=None)
        else:
            destination.sealed_secret = sealed["segments"]
            destination.save(force_insert=True)
            DeliveryState.objects.create(destination=destination)
        append_change(grant, operation="LogDestinationPut", object_id="log/destination", change=change)
    return destination


def remove_destination(*, grant: Grant, vault: Vault, now: datetime) -> None:
    """Keep the log here only from now on. Raises `NoDestination`, `SecondPersonNeeded`."""
    grant.require(Permission.VAULTS_UPDATE)
    before = queries.get_destination(vault_id=vault.pk)
    change = {"log destination": f"{rules.place(before.kind, before.config)} → none"}
    with requires_approval(
        grant=_at(grant, vault),
        act=Act.LOG_DESTINATION,
        guarded=vault.production,
        subject=_SUBJECT,
        change=change,
        now=now,
    ):
        _remove(before)
        Vault.objects.filter(pk=vault.pk, held=True).update(held=False)
        append_change(grant, operation="LogDestinationDelete", object_id="log/destination", change=change)


def set_retention(*, grant: Grant, vault: Vault, days: int | None, now: datetime) -> None:
    """Keep records so many days; None: for ever. Never fewer than are delivered, where there is a destination.

    Raises `BadLogRetention`, `SecondPersonNeeded`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    rules.check_retention_days(days)
    before = queries.retention_days(vault_id=vault.pk)
    change = {"retention of the audit log": f"{_days(before)} → {_days(days)}"}
    guarded = vault.production and rules.is_shorter(before, days)
    with requires_approval(
        grant=_at(grant, vault),
        act=Act.RETENTION_SHORTENED,
        guarded=guarded,
        subject="the audit log",
        change=change,
        now=now,
    ):
        LogRetention.objects.update_or_create(vault=vault, defaults={"days": days, "changed": now})
        append_change(grant, operation="LogRetentionPut", object_id="log/retention", change=change)


def try_destination(*, grant: Grant, vault: Vault, now: datetime) -> str:
    """Let the delivery process put a test object there. The sentence of what went wrong, or "".

    Raises `NoDestination`, `DeliveryAway`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    destination = queries.get_destination(vault_id=vault.pk)
    with transaction.atomic():
        LogDestination.objects.filter(pk=destination.pk).update(tested=now)
        append_change(grant, operation="LogDestinationTest", object_id="log/destination")
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
        append_change(grant, operation="LogReplay", object_id="log/destination", first=first, last=last)
    return row


def _remove(destination: LogDestination) -> None:
    LogDestination.objects.filter(pk=destination.pk).only("pk").delete()  # more it may not read


def _check_whole(destination: LogDestination, credentials: rules.Credentials) -> None:
    """What rests here is not opened to be mixed with what is new."""
    names = set(destination.credential_names)
    if credentials and names and set(credentials) != names:
        raise rules.BadDestination("Enter all credentials again, or leave all of them empty to keep the stored ones.")


def _sealed(grant: Grant, destination: LogDestination, credentials: rules.Credentials) -> dict[str, bytes]:
    """What is new, as it rests: credentials if there are any, and a secret for a new destination's segments."""
    vault = destination.vault
    values = {"credentials": orjson.dumps(dict(credentials)) if credentials else b""}
    if destination._state.adding:  # noqa: SLF001  Django documents it
        values["segments"] = secrets.token_bytes(32)
    sealed = {}
    for part, value in values.items():
        context = rules.seal_context(
            world=vault.world.name, vault_id=vault.pk.hex, destination_id=destination.pk.hex, part=part
        )
        request = SealSecret(expires_at=grant.request.expires_at, vault_id=vault.pk.hex, context=context, value=value)
        sealed[part] = client.call(world=vault.world.name, request=request) if value else b""
    return sealed


def _change(
    before: LogDestination | None, kind: str, checked: rules.Settings, public_key: str, on_full: str
) -> dict[str, str]:
    """What will be different, in words. Credentials show as a mark, so that an approval is for exactly these."""
    was = rules.place(before.kind, before.config) if before else "none"
    change = {"log destination": f"{was} → {rules.place(kind, checked.config)}", "when records cannot leave": on_full}
    if checked.credentials:
        text = orjson.dumps(dict(checked.credentials), option=orjson.OPT_SORT_KEYS)
        mark = hmac.new(settings.SECRET_KEY.encode(), b"log-destination\x00" + text, hashlib.sha256).hexdigest()
        change["credentials"] = f"new ({mark[:16]})"
    rest = orjson.dumps(checked.config, option=orjson.OPT_SORT_KEYS) + public_key.encode()
    change["settings"] = hashlib.sha256(rest).hexdigest()[:16]
    change["encrypted to the owner"] = "yes" if public_key else "no"
    return change


def _at(grant: Grant, vault: Vault) -> Grant:
    """The same permission at this vault, for management grants may be for the organisation."""
    return authorize(grant.principal, grant.permission, Scope(vault_id=vault.pk, vault_name=vault.name), grant.request)


def _days(days: int | None) -> str:
    return "for ever" if days is None else f"{days} days"
