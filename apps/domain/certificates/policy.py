"""Certificate policies, their rules and defaults (docs/reference/wire-contract.md section 13). Pure."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

import isodate

from apps.core.errors import BadRequest
from apps.domain.keys.rules import DECRYPT, ENCRYPT, PARAMETERS, SIGN, UNWRAP, VERIFY, WRAP
from apps.domain.objects.schedule import Event, Expiry, Version, earlier

BACKDATED = timedelta(minutes=10)  # of a certificate's validity: clocks differ; Azure does the same
PKCS12, PEM = "application/x-pkcs12", "application/x-pem-file"
SELF, UNKNOWN = "Self", "Unknown"
AUTO_RENEW, EMAIL_CONTACTS = "AutoRenew", "EmailContacts"
SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"
_MOST_DAYS_OF_A_MONTH = 27  # for a lifetime action
_MOST_MONTHS, _MOST_NAMES, _LONGEST_NAME = 1200, 250, 1024
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d{0,20})){1,30}\Z")

# Key usage (RFC 5280 section 4.2.1.3) -> operations of the backing key.
USAGES: dict[str, tuple[str, ...]] = {
    "digitalSignature": (SIGN, VERIFY),
    "nonRepudiation": (SIGN, VERIFY),
    "keyEncipherment": (WRAP, UNWRAP),
    "dataEncipherment": (ENCRYPT, DECRYPT),
    "keyAgreement": (),
    "keyCertSign": (SIGN, VERIFY),
    "cRLSign": (SIGN, VERIFY),
    "encipherOnly": (ENCRYPT,),
    "decipherOnly": (DECRYPT,),
}


class BadPolicy(BadRequest):
    """A certificate policy outside the contract."""


@dataclass(frozen=True, slots=True)
class Action:
    """A lifetime action, near the end of a certificate's validity; exactly one of the two times."""

    kind: str  # AutoRenew or EmailContacts
    percentage: int | None = None  # of the lifetime
    days: int | None = None  # before the expiry

    def due(self, *, not_before: datetime, expires: datetime) -> datetime:
        """The date on which it is due."""
        if self.percentage is not None:
            return not_before + (expires - not_before) * self.percentage / 100
        return earlier(expires, timedelta(days=self.days or 0))


@dataclass(frozen=True, slots=True)
class Policy:
    """A certificate policy."""

    key_type: str = "RSA"
    hardware: bool = False
    parameter: str = "2048"
    exportable: bool = True
    reuse_key: bool = False
    content_type: str = PKCS12
    subject: str = ""
    dns_names: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    upns: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    ekus: tuple[str, ...] = (SERVER_AUTH, CLIENT_AUTH)
    key_usage: tuple[str, ...] = ("digitalSignature", "keyEncipherment")
    validity_months: int = 12
    is_ca: bool = False
    issuer: str = UNKNOWN
    certificate_type: str | None = None
    transparency: bool | None = None
    actions: tuple[Action, ...] = ()

    @property
    def operations(self) -> tuple[str, ...]:
        """`key_ops` of the backing key, from the key usage."""
        allowed = (SIGN, VERIFY) if self.key_type == "EC" else tuple(o for ops in USAGES.values() for o in ops)
        operations = [operation for usage in self.key_usage for operation in USAGES[usage] if operation in allowed]
        return tuple(dict.fromkeys(operations)) or (SIGN, VERIFY)

    def as_dict(self) -> dict[str, Any]:
        """The policy as it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CertificateSchedule:
    """The dates of a certificate under a policy."""

    policy: Policy
    near_expiry_days: int  # of the vault

    def times(self, version: Version) -> dict[Event, datetime]:
        """The lifetime action, near its expiry, and expired."""
        times = Expiry(self.near_expiry_days).times(version)
        if version.not_before is None or version.expires is None:
            return times
        for action in self.policy.actions:
            renews = action.kind == AUTO_RENEW and self.policy.issuer != UNKNOWN
            due = action.due(not_before=version.not_before, expires=version.expires)
            times[Event.RENEW if renews else Event.NOTICE] = due
        return times

    def successor(self, event: Event, at: datetime, /) -> Version | None:
        """The version of a renewal."""
        if event is not Event.RENEW:
            return None
        return Version(at, at - BACKDATED, add_months(at, self.policy.validity_months), True)


def add_months(moment: datetime, months: int) -> datetime:
    """The same day some months later, or the last of that month."""
    later: datetime = moment + isodate.Duration(months=months)
    return later


def load_policy(stored: Mapping[str, Any]) -> Policy:
    """Load a stored policy."""
    known = {field.name for field in fields(Policy)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
    }
    values["actions"] = tuple(Action(**action) for action in stored.get("actions", ()))
    return Policy(**{name: value for name, value in values.items() if name in known})


def with_defaults(policy: Policy, *, default: Mapping[str, Any] | None) -> Policy:
    """Add the lifetime action that a new policy without one has: the vault's default (an `Action`), or Azure's.

    What nobody can renew is reported. A number of days that the validity has no room for gives way to Azure's default.
    """
    if policy.actions:
        return policy
    kind = EMAIL_CONTACTS if policy.issuer == UNKNOWN else AUTO_RENEW
    action = Action(kind, percentage=80)
    if default is not None and (default["days"] or 0) <= policy.validity_months * _MOST_DAYS_OF_A_MONTH:
        action = Action(**default)
        if action.kind == AUTO_RENEW:
            action = replace(action, kind=kind)
    return replace(policy, actions=(action,))


def check_action(action: Action) -> None:
    """Raise `BadPolicy` unless it is a lifetime action of some certificate."""
    _check_actions(Policy(actions=(action,), validity_months=_MOST_MONTHS))


def validate_policy(policy: Policy, *, described: Policy | None = None) -> Policy:
    """Raise `BadPolicy` unless certificates can be created by it.

    `described`: the policy that describes a certificate which exists. What it says is not checked, only what differs.
    """
    for fields_of_check, check in _CHECKS:
        if described is None or any(getattr(policy, name) != getattr(described, name) for name in fields_of_check):
            check(policy)
    return policy


def _check_key(policy: Policy) -> None:
    if policy.key_type not in ("RSA", "EC") or policy.parameter not in PARAMETERS[policy.key_type]:
        raise BadPolicy("The policy's 'key_props' name a key that cannot be: RSA 2048-4096, or EC with a known curve.")


def _check_protection(policy: Policy) -> None:
    if policy.hardware and policy.exportable:
        raise BadPolicy("A key in the HSM cannot be exportable: set 'key_props.exportable' to false.")


def _check_content_type(policy: Policy) -> None:
    if policy.content_type not in (PKCS12, PEM):
        raise BadPolicy(f"The policy's 'secret_props.contentType' must be {PKCS12} or {PEM}.")


def _check_usage(policy: Policy) -> None:
    unknown = set(policy.key_usage) - set(USAGES)
    if unknown:
        raise BadPolicy(f"There is no key usage '{min(unknown)[:40]}'. Use {', '.join(USAGES)}.")
    for eku in policy.ekus:
        if not _OID.match(eku):
            raise BadPolicy(f"'{eku[:64]}' in 'ekus' is not an object identifier such as {SERVER_AUTH}.")


def _check_validity(policy: Policy) -> None:
    if not 1 <= policy.validity_months <= _MOST_MONTHS:
        raise BadPolicy(f"The policy's 'validity_months' must be from 1 to {_MOST_MONTHS}.")


def _check_names(policy: Policy) -> None:
    lists = (policy.dns_names, policy.emails, policy.upns, policy.uris, policy.ip_addresses)
    if not policy.subject.strip() and not any(lists):
        raise BadPolicy("The policy's 'x509_props' need a 'subject' or a name in 'sans'.")
    for address in policy.ip_addresses:
        _check_address(address)
    for text in (*policy.dns_names, *policy.emails, *policy.uris):
        if not text or not text.isascii() or not text.isprintable() or " " in text or len(text) > _LONGEST_NAME:
            raise BadPolicy(
                f"'{text[:64]}' in 'sans' is not a name: those are ASCII without blanks (use punycode for others)."
            )
    if len(policy.subject) > _LONGEST_NAME or any(not text or len(text) > _LONGEST_NAME for text in policy.upns):
        raise BadPolicy("A subject or name of the policy is empty or too long.")
    if sum(map(len, lists)) > _MOST_NAMES:
        raise BadPolicy(f"A certificate may have {_MOST_NAMES} alternative names.")


def _check_address(text: str) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise BadPolicy(f"'{text[:64]}' in 'sans.ipAddresses' is not an IP address.") from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise BadPolicy(f"'{text[:64]}' in 'sans.ipAddresses' has a zone, which no certificate holds.")


def _check_actions(policy: Policy) -> None:
    for action in policy.actions:
        if action.kind not in (AUTO_RENEW, EMAIL_CONTACTS):
            raise BadPolicy(f"A lifetime action is {AUTO_RENEW} or {EMAIL_CONTACTS}.")
        if (action.percentage is None) == (action.days is None):
            raise BadPolicy("A lifetime action's trigger has 'lifetime_percentage' or 'days_before_expiry'.")
        if action.percentage is not None and not 1 <= action.percentage <= 99:
            raise BadPolicy("The 'lifetime_percentage' must be from 1 to 99.")
        if action.days is not None and not 1 <= action.days <= policy.validity_months * _MOST_DAYS_OF_A_MONTH:
            raise BadPolicy("The 'days_before_expiry' must be from 1 to 27 for each month of the validity.")
    if len(policy.actions) > 1:
        raise BadPolicy("A policy may have one lifetime action.")


# What a check reads, and the check.
_CHECKS: tuple[tuple[tuple[str, ...], Callable[[Policy], None]], ...] = (
    (("key_type", "parameter"), _check_key),
    (("hardware", "exportable"), _check_protection),
    (("content_type",), _check_content_type),
    (("subject", "dns_names", "emails", "upns", "uris", "ip_addresses"), _check_names),
    (("key_usage", "ekus"), _check_usage),
    (("validity_months",), _check_validity),
    (("actions",), _check_actions),
)
