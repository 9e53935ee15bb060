"""Certificates on the wire (wire-contract.md section 13). Binary values are standard base64, except `x5t`."""

import base64
from dataclasses import replace
from typing import Any

from apps.core.clock import to_epoch
from apps.core.encoding import to_base64url
from apps.domain.certificates.kind import CertificateItem
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.certificates.operations.creation import VersionAttributes
from apps.domain.certificates.policy import Action, BadPolicy, Policy, load_policy
from apps.domain.certificates.x509 import thumbprint
from apps.domain.vaults.models import Vault
from apps.interfaces.keyvault_api.serializers.common import attributes
from apps.interfaces.keyvault_api.serializers.fields import (
    Attributes,
    Body,
    Plain,
    StrictBoolean,
    StrictString,
    StringList,
    Tags,
    changes_of,
    without_nulls,
)
from apps.interfaces.keyvault_api.serializers.keys import parse_type

LARGEST_BODY = 512 * 1024
_IN_PROGRESS = (
    "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer "
    "provider. Please check again later."
)
_DEFAULT_PARAMETERS = {"RSA": "2048", "EC": "P-256"}


class CertificateBody(Body):
    """The properties that create, import, merge and update share."""

    policy = Plain(kind=dict, required=False, allow_null=True)
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)
    preserveCertOrder = StrictBoolean(required=False, allow_null=True)  # noqa: N815  the wire's name


class ImportBody(CertificateBody):
    """POST /certificates/{name}/import."""

    value = StrictString()
    pwd = StrictString(longest=1024, required=False, allow_null=True)


class MergeBody(CertificateBody):
    """POST /certificates/{name}/pending/merge."""

    x5c = StringList()


class CancelBody(Body):
    """PATCH /certificates/{name}/pending."""

    cancellation_requested = StrictBoolean()


def parse_attributes(body: dict[str, Any]) -> VersionAttributes:
    """Parse the attributes of a new version."""
    data = without_nulls(body.get("attributes", {}))
    return VersionAttributes(data.get("enabled", True), body.get("tags", {}), body.get("preserveCertOrder", False))


def parse_attribute_changes(body: dict[str, Any]) -> dict[str, Any]:
    """The attributes that a merge names, by the fields of `VersionAttributes`."""
    changes = changes_of(body, tags="tags", preserveCertOrder="preserve_order")
    return {field: value for field, value in changes.items() if field in ("enabled", "tags", "preserve_order")}


def parse_policy(data: dict[str, Any], *, base: Policy | None = None) -> Policy:
    """Parse a policy: a change of `base`, or a new one. Raises `BadPolicy`."""
    policy = base or Policy(issuer="Unknown")
    key = _object(data, "key_props")
    if "kty" in key:
        key_type, hardware = parse_type(_text(key, "kty"))
        usage = policy.key_usage
        if base is None and key_type == "EC":
            usage = ("digitalSignature",)
        policy = replace(
            policy,
            key_type=key_type,
            hardware=hardware,
            parameter=_DEFAULT_PARAMETERS.get(key_type, "") if key_type != policy.key_type else policy.parameter,
            exportable=policy.exportable and not hardware,
            key_usage=usage,
        )
    if policy.key_type == "EC" and "crv" in key:
        policy = replace(policy, parameter=_text(key, "crv"))
    elif policy.key_type == "RSA" and "key_size" in key:
        policy = replace(policy, parameter=str(_integer(key, "key_size")))
    policy = replace(
        policy,
        exportable=_boolean(key, "exportable", policy.exportable),
        reuse_key=_boolean(key, "reuse_key", policy.reuse_key),
    )
    secret = _object(data, "secret_props")
    if "contentType" in secret:
        policy = replace(policy, content_type=_text(secret, "contentType"))
    policy = _parse_x509(_object(data, "x509_props"), policy)
    issuer = _object(data, "issuer")
    policy = replace(
        policy,
        issuer=_canonical(_text(issuer, "name")) if "name" in issuer else policy.issuer,
        certificate_type=_text(issuer, "cty") if "cty" in issuer else policy.certificate_type,
        transparency=_boolean(issuer, "cert_transparency", policy.transparency),
    )
    actions = data.get("lifetime_actions")
    if actions is not None:
        if not isinstance(actions, list):
            raise BadPolicy("The policy's 'lifetime_actions' must be a list.")
        policy = replace(policy, actions=tuple(_parse_action(action) for action in actions))
    return policy


def _parse_x509(data: dict[str, Any], policy: Policy) -> Policy:
    names = _object(data, "sans")
    changes: dict[str, Any] = {}
    if "subject" in data:
        changes["subject"] = _text(data, "subject")
    for wire, ours in _SANS.items():
        if wire in names:
            changes[ours] = _texts(names, wire)
    if "ekus" in data:
        changes["ekus"] = _texts(data, "ekus")
    if "key_usage" in data:
        changes["key_usage"] = _texts(data, "key_usage")
    if "validity_months" in data:
        changes["validity_months"] = _integer(data, "validity_months")
    constraints = _object(data, "basic_constraints")
    changes["is_ca"] = _boolean(constraints, "ca", policy.is_ca)
    return replace(policy, **changes)


_SANS = {
    "dns_names": "dns_names",
    "emails": "emails",
    "upns": "upns",
    "uris": "uris",
    "ipAddresses": "ip_addresses",
}


def _parse_action(data: Any) -> Action:
    trigger, action = (data.get(part) if isinstance(data, dict) else None for part in ("trigger", "action"))
    kind = action.get("action_type") if isinstance(action, dict) else None
    if not isinstance(kind, str) or not isinstance(trigger, dict):
        raise BadPolicy("A lifetime action needs a 'trigger', and an 'action' with an 'action_type'.")
    kind = {"autorenew": "AutoRenew", "emailcontacts": "EmailContacts"}.get(kind.lower(), kind)
    times = without_nulls(trigger)
    percentage = _integer(times, "lifetime_percentage") if "lifetime_percentage" in times else None
    return Action(kind, percentage, _integer(times, "days_before_expiry") if "days_before_expiry" in times else None)


def policy(certificate: Certificate, *, origin: str) -> dict[str, Any]:
    """Build a CertificatePolicy."""
    stored = load_policy(certificate.policy)
    key: dict[str, Any] = {
        "exportable": stored.exportable,
        "kty": stored.key_type + ("-HSM" if stored.hardware else ""),
        "reuse_key": stored.reuse_key,
    }
    if stored.key_type == "EC":
        key["crv"] = stored.parameter
        key["key_size"] = {"P-256": 256, "P-256K": 256, "P-384": 384, "P-521": 521}[stored.parameter]
    else:
        key["key_size"] = int(stored.parameter)
    x509: dict[str, Any] = {
        "subject": stored.subject,
        "ekus": list(stored.ekus),
        "key_usage": list(stored.key_usage),
        "validity_months": stored.validity_months,
        "basic_constraints": {"ca": stored.is_ca},
    }
    names = {wire: list(getattr(stored, ours)) for wire, ours in _SANS.items() if getattr(stored, ours)}
    if names:
        x509["sans"] = names
    issuer: dict[str, Any] = {"name": stored.issuer}
    if stored.certificate_type is not None:
        issuer["cty"] = stored.certificate_type
    if stored.transparency is not None:
        issuer["cert_transparency"] = stored.transparency
    return {
        "id": f"{origin}/certificates/{certificate.name}/policy",
        "key_props": key,
        "secret_props": {"contentType": stored.content_type},
        "x509_props": x509,
        "lifetime_actions": [_action(action) for action in stored.actions],
        "issuer": issuer,
        "attributes": {
            "enabled": True,
            "created": to_epoch(certificate.policy_created),
            "updated": to_epoch(certificate.policy_updated),
        },
    }


def _action(action: Action) -> dict[str, Any]:
    times = {"lifetime_percentage": action.percentage, "days_before_expiry": action.days}
    return {"trigger": without_nulls(times), "action": {"action_type": action.kind}}


def bundle(version: CertificateVersion, vault: Vault, *, origin: str, with_policy: bool) -> dict[str, Any]:
    """Build a CertificateBundle; `with_policy`: with policy and pending operation, as for the current version."""
    certificate, base = version.certificate, f"{origin}/certificates/{version.certificate.name}"
    name = f"{certificate.name}/{version.version}"
    body: dict[str, Any] = {
        "id": f"{base}/{version.version}",
        "kid": f"{origin}/keys/{name}",
        "sid": f"{origin}/secrets/{name}",
        "x5t": to_base64url(thumbprint(bytes(version.cer))),
        "cer": base64.b64encode(bytes(version.cer)).decode("ascii"),
        "attributes": attributes(version, vault),
    }
    if version.tags:
        body["tags"] = version.tags
    if version.preserve_order:
        body["preserveCertOrder"] = True
    if with_policy:
        body["policy"] = policy(certificate, origin=origin)
        body["contentType"] = load_policy(certificate.policy).content_type
        if hasattr(certificate, "operation"):
            body["pending"] = {"id": f"{base}/pending"}
    return body


def unfinished(certificate: Certificate, vault: Vault, *, origin: str) -> dict[str, Any]:
    """Build the bundle of a certificate whose first version is not finished."""
    base = f"{origin}/certificates/{certificate.name}"
    created = to_epoch(certificate.policy_created)
    version = f"/{certificate.operation.version}" if hasattr(certificate, "operation") else ""
    return {
        "id": f"{base}{version}",
        "attributes": {
            "enabled": False,
            "created": created,
            "updated": created,
            "recoverableDays": vault.recoverable_days,
        },
        "policy": policy(certificate, origin=origin),
        "pending": {"id": f"{base}/pending"},
    }


def item(item: CertificateItem, vault: Vault, *, identifier: str) -> dict[str, Any]:
    """Build a CertificateItem of a list of certificates or versions."""
    if item.version is None:
        created = to_epoch(item.policy_created)
        return {"id": identifier, "attributes": {"enabled": False, "created": created, "updated": created}}
    body: dict[str, Any] = {
        "id": identifier,
        "x5t": to_base64url(thumbprint(item.cer)),
        "attributes": attributes(item, vault),
    }
    if item.tags:
        body["tags"] = item.tags
    return body


def operation(row: CertificateOperation, *, origin: str) -> dict[str, Any]:
    """Build a CertificateOperation."""
    base = f"{origin}/certificates/{row.certificate.name}"
    body: dict[str, Any] = {
        "id": f"{base}/pending",
        "issuer": {"name": row.issuer},
        "cancellation_requested": row.cancellation_requested,
        "status": row.status,
        "request_id": row.pk.hex,
        "preserveCertOrder": row.preserve_order,
    }
    if row.csr is not None:
        body["csr"] = base64.b64encode(bytes(row.csr)).decode("ascii")
    if row.status == CertificateOperation.Status.IN_PROGRESS:
        body["status_details"] = _IN_PROGRESS
    elif row.status_details:
        body["status_details"] = row.status_details
    if row.error_code:
        body["error"] = {"code": row.error_code, "message": row.status_details}
    if row.status == CertificateOperation.Status.COMPLETED:
        body["target"] = base
    return body


def _canonical(name: str) -> str:
    return {"self": "Self", "unknown": "Unknown"}.get(name.lower(), name)


def _object(data: dict[str, Any], name: str) -> dict[str, Any]:
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadPolicy(f"The policy's '{name}' must be an object.")
    return without_nulls(value)


def _text(data: dict[str, Any], name: str) -> str:
    if not isinstance(data[name], str) or len(data[name]) > 1024:
        raise BadPolicy(f"The policy's '{name}' must be a text.")
    return str(data[name])


def _texts(data: dict[str, Any], name: str) -> tuple[str, ...]:
    value = data[name]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise BadPolicy(f"The policy's '{name}' must be a list of texts.")
    return tuple(value)


def _integer(data: dict[str, Any], name: str) -> int:
    if type(data[name]) is not int:
        raise BadPolicy(f"The policy's '{name}' must be a whole number.")
    return int(data[name])


def _boolean(data: dict[str, Any], name: str, default: Any) -> Any:
    value = data.get(name, default)
    if value is not None and not isinstance(value, bool):
        raise BadPolicy(f"The policy's '{name}' must be true or false.")
    return value
