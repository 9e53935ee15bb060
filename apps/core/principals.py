"""Principals: authenticated people, application identities and the system."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID


class PrincipalKind(StrEnum):
    APPLICATION = "application"
    PERSON = "person"
    SYSTEM = "system"


class PersonRole(StrEnum):
    """The role of a person, who has exactly one (docs/reference/security-guarantees.md section 3).

    Tables, JSON and the command line call it `duty`.
    """

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
    role: PersonRole | None = None  # people only


class Scheme(StrEnum):
    """The kinds of credential with which a caller proves who it is to the HSM worker."""

    NONE = ""
    BEARER = "bearer"  # an application's access token
    SESSION = "session"  # the session key of a person in the portal
    MANAGEMENT = "management"  # a person's token for the command line


class Audience(StrEnum):
    """The API that an access token is for: a token for one is refused by the other."""

    VAULTS = "vaults"  # the Key Vault API
    MANAGEMENT = "management"  # the resource management API


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The facts of a request, for its audit record and for the HSM worker, which believes the credential only."""

    request_id: UUID
    correlation_id: str = ""  # x-ms-client-request-id
    address: str = ""
    user_agent: str = ""
    uri: str = ""
    api_version: str = ""
    expires_at: float = 0.0  # epoch seconds after which the caller has stopped waiting; 0 = no limit
    reason: str = ""  # of a person, in the portal or on the management API
    scheme: Scheme = Scheme.NONE
    credential: str = field(default="", repr=False)


def request_detail(principal: Principal | None, request: RequestContext) -> dict[str, Any]:
    """The details that every audit record has of its caller and request."""
    return {
        "uri": request.uri,
        "clientInfo": request.user_agent,
        "apiVersion": request.api_version,
        "principalKind": principal.kind.value if principal else "anonymous",
    }
