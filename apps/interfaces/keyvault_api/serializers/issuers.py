"""Issuers and contacts on the wire (docs/reference/wire-contract.md section 13)."""

from typing import Any

from apps.core.clock import to_epoch
from apps.domain.certificates.models import Issuer
from apps.domain.certificates.operations.settings import BadIssuer
from apps.interfaces.keyvault_api.serializers.fields import Attributes, Body, Plain, StrictString, without_nulls

_MOST_CONTACTS = 50
_ADMIN = ("first_name", "last_name", "email", "phone")
_CONTACT = ("email", "name", "phone")


class IssuerBody(Body):
    """PUT and PATCH /certificates/issuers/{issuer}."""

    provider = StrictString(longest=64, required=False, allow_null=True)
    credentials = Plain(kind=dict, required=False, allow_null=True)
    org_details = Plain(kind=dict, required=False, allow_null=True)
    attributes = Attributes(required=False, allow_null=True)


class ContactsBody(Body):
    """PUT /certificates/contacts."""

    contacts = Plain(kind=list)


def parse_issuer(data: bytes) -> dict[str, Any]:
    """Parse the model's fields. A password is ignored: it is not stored. Raises `BadBody`, `BadIssuer`."""
    body = IssuerBody.read(data)
    fields: dict[str, Any] = {}
    if "provider" in body:
        fields["provider"] = body["provider"]
    if "account_id" in (credentials := without_nulls(body.get("credentials", {}))):
        fields["account_id"] = _text(credentials, "account_id")
    if "org_details" in body:
        fields["organisation"] = _organisation(without_nulls(body["org_details"]))
    enabled = without_nulls(body.get("attributes", {})).get("enabled")
    if enabled is not None:
        fields["enabled"] = enabled
    return fields


def parse_contacts(data: bytes) -> list[dict[str, str]]:
    """Parse contacts. Raises `BadBody`, `BadIssuer`."""
    people = ContactsBody.read(data)["contacts"]
    if not 1 <= len(people) <= _MOST_CONTACTS:
        raise BadIssuer(f"The property 'contacts' has from 1 to {_MOST_CONTACTS} entries.")
    return [_person(person, _CONTACT) for person in people]


def contacts(people: list[dict[str, str]], *, origin: str) -> dict[str, Any]:
    """Build Contacts."""
    return {"id": f"{origin}/certificates/contacts", "contacts": people}


def issuer(row: Issuer, *, origin: str) -> dict[str, Any]:
    """Build an IssuerBundle."""
    body: dict[str, Any] = {
        "id": f"{origin}/certificates/issuers/{row.name}",
        "provider": row.provider,
        "attributes": {
            "enabled": row.enabled,
            "created": to_epoch(row.created),
            "updated": to_epoch(row.updated),
        },
    }
    if row.account_id is not None:
        body["credentials"] = {"account_id": row.account_id}
    details: dict[str, Any] = {"zip": 0, "admin_details": row.organisation.get("admins", [])}
    if row.organisation.get("id"):
        details["id"] = row.organisation["id"]
    body["org_details"] = details
    return body


def item(row: Issuer, *, origin: str) -> dict[str, Any]:
    """Build a CertificateIssuerItem."""
    return {"id": f"{origin}/certificates/issuers/{row.name}", "provider": row.provider}


def _organisation(data: dict[str, Any]) -> dict[str, Any]:
    admins = data.get("admin_details", [])
    if not isinstance(admins, list) or len(admins) > _MOST_CONTACTS:
        raise BadIssuer("The property 'org_details.admin_details' must be a list.")
    organisation: dict[str, Any] = {"admins": [_person(admin, _ADMIN) for admin in admins]}
    if "id" in data:
        organisation["id"] = _text(data, "id")
    return organisation


def _person(data: Any, names: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(data, dict):
        raise BadIssuer("A contact must be an object.")
    return {name: _text(data, name) for name in names if data.get(name) is not None}


def _text(data: dict[str, Any], name: str) -> str:
    if not isinstance(data[name], str) or len(data[name]) > 255:
        raise BadIssuer(f"The property '{name}' must be a text of up to 255 characters.")
    return str(data[name])
