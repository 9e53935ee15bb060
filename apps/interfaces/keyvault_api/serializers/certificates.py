"""Certificates on the wire (wire-contract.md section 13). What is binary here is standard base64, but for `x5t`."""

import base64
from dataclasses import replace
from typing import Any

from apps.core.clock import to_epoch
from apps.core.encoding import to_base64url
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.certificates.operations.creation import VersionAttributes
from apps.domain.certificates.policy import Action, BadPolicy, Policy, load_policy, with_defaults
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
    without_nulls,
)
from apps.interfaces.keyvault_api.serializers.keys import read_type

LARGEST_BODY = 512 * 1024
_DEFAULT_PARAMETERS = {"RSA": "2048", "EC": "P-256"}


class CertificateBody(Body):
    """What create, import, merge and update have in common."""

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


def described(body: dict[str, Any]) -> VersionAttributes:
    """What the body says about the new version."""
    given = without_nulls(body.get("attributes", {}))
    return VersionAttributes(given.get("enabled", True), body.get("tags", {}), body.get("preserveCertOrder", False))


def read_policy(given: dict[str, Any], *, base: Policy | None = None) -> Policy:
    """A policy of a request, over a `base` that it changes, or as a new one. Raises `BadPolicy`."""
    policy = base or Policy(issuer="Unknown")
    key = _object(given, "key_props")
    if "kty" in key:
        key_type, hardware = read_type(_text(key, "kty"))
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
        exportable=_truth(key, "exportable", policy.exportable),
        reuse_key=_truth(key, "reuse_key", policy.reuse_key),
    )
    secret = _object(given, "secret_props")
    if "contentType" in secret:
        policy = replace(policy, content_type=_text(secret, "contentType"))
    policy = _read_x509(_object(given, "x509_props"), policy)
    issuer = _object(given, "issuer")
    policy = replace(
        policy,
        issuer=_canonical(_text(issuer, "name")) if "name" in issuer else policy.issuer,
        certificate_type=_text(issuer, "cty") if "cty" in issuer else policy.certificate_type,
        transparency=_truth(issuer, "cert_transparency", policy.transparency),
    )
    actions = given.get("lifetime_actions")
    if actions is not None:
        if not isinstance(actions, list):
            raise BadPolicy("The policy's 'lifetime_actions' must be a list.")
        policy = replace(policy, actions=tuple(_read_action(action) for action in actions))
    return policy if base is not None else with_defaults(policy, actions_given=bool(actions))


def _read_x509(given: dict[str, Any], policy: Policy) -> Policy:
    names = _object(given, "sans")
    changes: dict[str, Any] = {}
    if "subject" in given:
        changes["subject"] = _text(given, "subject")
    for wire, ours in _SANS.items():
        if wire in names:
            changes[ours] = _texts(names, wire)
    if "ekus" in given:
        changes["ekus"] = _texts(given, "ekus")
    if "key_usage" in given:
        changes["key_usage"] = _texts(given, "key_usage")
    if "validity_months" in given:
        changes["validity_months"] = _integer(given, "validity_months")
    constraints = _object(given, "basic_constraints")
    changes["is_ca"] = _truth(constraints, "ca", policy.is_ca)
    return replace(policy, **changes)


_SANS = {
    "dns_names": "dns_names",
    "emails": "emails",
    "upns": "upns",
    "uris": "uris",
    "ipAddresses": "ip_addresses",
}


def _read_action(given: Any) -> Action:
    trigger, action = (given.get(part) if isinstance(given, dict) else None for part in ("trigger", "action"))
    kind = action.get("action_type") if isinstance(action, dict) else None
    if not isinstance(kind, str) or not isinstance(trigger, dict):
        raise BadPolicy("A lifetime action needs a 'trigger', and an 'action' with an 'action_type'.")
    kind = {"autorenew": "AutoRenew", "emailcontacts": "EmailContacts"}.get(kind.lower(), kind)
    times = without_nulls(trigger)
    percentage = _integer(times, "lifetime_percentage") if "lifetime_percentage" in times else None
    return Action(kind, percentage, _integer(times, "days_before_expiry") if "days_before_expiry" in times else None)


def policy(certificate: Certificate, *, origin: str) -> dict[str, Any]:
    """CertificatePolicy."""
    found = load_policy(certificate.policy)
    key: dict[str, Any] = {
        "exportable": found.exportable,
        "kty": found.key_type + ("-HSM" if found.hardware else ""),
        "reuse_key": found.reuse_key,
    }
    if found.key_type == "EC":
        key["crv"] = found.parameter
        key["key_size"] = {"P-256": 256, "P-256K": 256, "P-384": 384, "P-521": 521}[found.parameter]
    else:
        key["key_size"] = int(found.parameter)
    x509: dict[str, Any] = {
        "subject": found.subject,
        "ekus": list(found.ekus),
        "key_usage": list(found.key_usage),
        "validity_months": found.validity_months,
        "basic_constraints": {"ca": found.is_ca},
    }
    names = {wire: list(getattr(found, ours)) for wire, ours in _SANS.items() if getattr(found, ours)}
    if names:
        x509["sans"] = names
    issuer: dict[str, Any] = {"name": found.issuer}
    if found.certificate_type is not None:
        issuer["cty"] = found.certificate_type
    if found.transparency is not None:
        issuer["cert_transparency"] = found.transparency
    return {
        "id": f"{origin}/certificates/{certificate.name}/policy",
        "key_props": key,
        "secret_props": {"contentType": found.content_type},
        "x509_props": x509,
        "lifetime_actions": [_action(action) for action in found.actions],
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


def bundle(version: CertificateVersion, vault: Vault, *, origin: str, whole: bool) -> dict[str, Any]:
    """CertificateBundle; `whole`: with the policy and the pending operation, as the newest version has them."""
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
    if whole:
        body["policy"] = policy(certificate, origin=origin)
        body["contentType"] = load_policy(certificate.policy).content_type
        if hasattr(certificate, "operation"):
            body["pending"] = {"id": f"{base}/pending"}
    return body


def unfinished(certificate: Certificate, vault: Vault, *, origin: str) -> dict[str, Any]:
    """The bundle of a certificate whose first version is still being made."""
    base = f"{origin}/certificates/{certificate.name}"
    moment = to_epoch(certificate.policy_created)
    version = f"/{certificate.operation.version}" if hasattr(certificate, "operation") else ""
    return {
        "id": f"{base}{version}",
        "attributes": {
            "enabled": False,
            "created": moment,
            "updated": moment,
            "recoverableDays": vault.recoverable_days,
        },
        "policy": policy(certificate, origin=origin),
        "pending": {"id": f"{base}/pending"},
    }


def item(certificate: Certificate, vault: Vault, *, origin: str) -> dict[str, Any]:
    """CertificateItem of a list of certificates."""
    identifier = f"{origin}/certificates/{certificate.name}"
    if certificate.current is None:
        moment = to_epoch(certificate.policy_created)
        return {"id": identifier, "attributes": {"enabled": False, "created": moment, "updated": moment}}
    return version_item(certificate.current, vault, identifier=identifier)


def version_item(version: CertificateVersion, vault: Vault, *, identifier: str) -> dict[str, Any]:
    """CertificateItem of a list of versions."""
    body: dict[str, Any] = {
        "id": identifier,
        "x5t": to_base64url(thumbprint(bytes(version.cer))),
        "attributes": attributes(version, vault),
    }
    if version.tags:
        body["tags"] = version.tags
    return body


def operation(row: CertificateOperation, *, origin: str) -> dict[str, Any]:
    """CertificateOperation."""
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
    if row.status_details:
        body["status_details"] = row.status_details
    if row.error_code:
        body["error"] = {"code": row.error_code, "message": row.status_details}
    if row.status == CertificateOperation.Status.COMPLETED:
        body["target"] = base
    return body


def _canonical(name: str) -> str:
    return {"self": "Self", "unknown": "Unknown"}.get(name.lower(), name)


def _object(given: dict[str, Any], name: str) -> dict[str, Any]:
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadPolicy(f"The policy's '{name}' must be an object.")
    return without_nulls(value)


def _text(given: dict[str, Any], name: str) -> str:
    if not isinstance(given[name], str) or len(given[name]) > 1024:
        raise BadPolicy(f"The policy's '{name}' must be a text.")
    return str(given[name])


def _texts(given: dict[str, Any], name: str) -> tuple[str, ...]:
    value = given[name]
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise BadPolicy(f"The policy's '{name}' must be a list of texts.")
    return tuple(value)


def _integer(given: dict[str, Any], name: str) -> int:
    if type(given[name]) is not int:
        raise BadPolicy(f"The policy's '{name}' must be a whole number.")
    return int(given[name])


def _truth(given: dict[str, Any], name: str, usual: Any) -> Any:
    value = given.get(name, usual)
    if value is not None and not isinstance(value, bool):
        raise BadPolicy(f"The policy's '{name}' must be true or false.")
    return value
