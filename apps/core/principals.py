"""Who acts. A principal is a person or an application identity, already authenticated."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class PrincipalKind(StrEnum):
    APPLICATION = "application"
    PERSON = "person"
    SYSTEM = "system"


class Duty(StrEnum):
    """A person has exactly one (docs/reference/security-guarantees.md section 3)."""

    SECURITY_OPERATIONS = "security-operations"
    DEVELOPER = "developer"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller."""

    id: UUID  # the row that django-guardian's assignments name
    kind: PrincipalKind
    name: str
    tenant_id: UUID
    client_id: str = ""  # application identities only (`appid` in tokens and records)
    duty: Duty | None = None  # people only


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What an audit record says about the request that a principal made."""

    request_id: UUID
    correlation_id: str = ""  # x-ms-client-request-id
    address: str = ""
    user_agent: str = ""
    uri: str = ""
    api_version: str = ""
    expires_at: float = 0.0  # epoch seconds after which nobody waits for the answer; 0 = no limit
    reason: str = ""  # why, as a person said it in the portal or on the management API
