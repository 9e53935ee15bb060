"""Events: their types, and their two forms on the wire. Pure.

The types and the members of `data` are those of Azure Key Vault ("Azure Key Vault as Event Grid source"; the contract
is in docs/reference/wire-contract.md section 15). Types that Azure does not have begin with `VaultPortal.`.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

KEPT = timedelta(days=30)  # how long the log keeps an event
_AZURE = "Microsoft.KeyVault."


class EventType(StrEnum):
    """Every type of event. The value is the name on the wire."""

    KEY_NEW_VERSION = f"{_AZURE}KeyNewVersionCreated"
    KEY_NEAR_EXPIRY = f"{_AZURE}KeyNearExpiry"
    KEY_EXPIRED = f"{_AZURE}KeyExpired"
    SECRET_NEW_VERSION = f"{_AZURE}SecretNewVersionCreated"
    SECRET_NEAR_EXPIRY = f"{_AZURE}SecretNearExpiry"
    SECRET_EXPIRED = f"{_AZURE}SecretExpired"
    CERTIFICATE_NEW_VERSION = f"{_AZURE}CertificateNewVersionCreated"
    CERTIFICATE_NEAR_EXPIRY = f"{_AZURE}CertificateNearExpiry"
    CERTIFICATE_EXPIRED = f"{_AZURE}CertificateExpired"
    ACCESS_CHANGED = f"{_AZURE}VaultAccessPolicyChanged"
    VAULT_STATE_CHANGED = "VaultPortal.VaultStateChanged"  # data.State: a `VaultState`
    ROLLOVER_ANNOUNCED = "VaultPortal.RolloverAnnounced"  # data.Replaces: the old version; data.RetiresAt: the earliest
    VERSION_RETIRED = "VaultPortal.VersionRetired"  # data.ReplacedBy: the new version; "": none yet
    SUBSCRIPTION_TESTED = "VaultPortal.SubscriptionTested"  # to one webhook, at the request of a person


class VaultState(StrEnum):
    """What happened to a vault."""

    FROZEN = "frozen"
    UNFROZEN = "unfrozen"
    SUSPENDED = "suspended"  # its audit log cannot be delivered
    RESUMED = "resumed"
    DELETED = "deleted"
    RECOVERED = "recovered"
    PURGED = "purged"


class Subject(NamedTuple):
    """The subject of an event. `object_type` is "key", "secret" or "certificate"; "": the vault itself."""

    object_type: str
    object_id: uuid.UUID  # of the object; of the vault, if it is about that
    name: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class VaultNames:
    """The names of a vault that its events have."""

    name: str
    origin: str  # https://host[:port]
    topic: str  # its resource id

    @classmethod
    def of(cls, *, tenant_id: uuid.UUID, group: str, name: str, origin: str) -> "VaultNames":
        """The names of a vault. `group`: the resource group, which is the security world."""
        subscription = uuid.uuid5(tenant_id, "subscription")
        path = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault/vaults/{name}"
        return cls(name, origin, path)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one event.

    `object_type`, `object_name`, `version`: as in `Subject`. Times are aware; `at` is the time of the change. `data`:
    JSON members of the event's `data` that Azure does not have.
    """

    id: uuid.UUID
    type: str
    object_type: str
    object_name: str
    version: str
    not_before: datetime | None
    expires: datetime | None
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


def to_cloud_event(facts: Facts, vault: VaultNames) -> dict[str, Any]:
    """Return the event as CloudEvents 1.0 in JSON (CloudEvents, "JSON Event Format" 3)."""
    return {
        "specversion": "1.0",
        "id": str(facts.id),
        "source": vault.topic,
        "subject": facts.object_name or vault.name,
        "type": facts.type,
        "time": _time(facts.at),
        "datacontenttype": "application/json",
        "data": _data(facts, vault),
    }


def to_event_grid(facts: Facts, vault: VaultNames) -> dict[str, Any]:
    """Return the event in Event Grid's own schema. A webhook gets an array with one."""
    return {
        "id": str(facts.id),
        "topic": vault.topic,
        "subject": facts.object_name or vault.name,
        "eventType": facts.type,
        "eventTime": _time(facts.at),
        "data": _data(facts, vault),
        "dataVersion": "1",
        "metadataVersion": "1",
    }


def near_expiry_of(object_type: str) -> EventType:
    """Return the type of the event before the expiry of a key, secret or certificate."""
    return EventType(f"{_AZURE}{object_type.capitalize()}NearExpiry")


def expired_of(object_type: str) -> EventType:
    """Return the type of the event at the expiry of a key, secret or certificate."""
    return EventType(f"{_AZURE}{object_type.capitalize()}Expired")


def _data(facts: Facts, vault: VaultNames) -> dict[str, Any]:
    path = f"/{facts.object_type}s/{facts.object_name}" if facts.object_type else ""
    version = f"/{facts.version}" if facts.version else ""
    return {
        "Id": f"{vault.origin}{path}{version}",
        "VaultName": vault.name,
        "ObjectType": facts.object_type.capitalize() if facts.object_type else "Vault",
        "ObjectName": facts.object_name or vault.name,
        "Version": facts.version,
        "NBF": _seconds(facts.not_before),
        "EXP": _seconds(facts.expires),
        **facts.data,
    }


def _time(moment: datetime) -> str:
    """RFC 3339 in UTC, with microseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
