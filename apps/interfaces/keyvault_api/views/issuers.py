"""The operations on a vault's certificate issuers and contacts."""

from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries
from apps.domain.certificates.operations import settings
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import issuers as wire
from apps.interfaces.keyvault_api.serializers.common import page


def _list(ask: OperationContext) -> dict[str, Any]:
    return page(
        ask,
        collection="certificates/issuers",
        load=lambda after, limit: queries.list_issuers(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda issuer: issuer.folded_name,
        render=lambda issuer: wire.item(issuer, origin=ask.call.origin),
    )


def _get(ask: OperationContext) -> dict[str, Any]:
    return wire.issuer(queries.get_issuer(vault_id=ask.vault.pk, name=ask.call.issuer), origin=ask.call.origin)


def _set(ask: OperationContext) -> dict[str, Any]:
    fields = wire.read_issuer(ask.call.body())
    row = settings.set_issuer(grant=ask.grant, vault=ask.vault, name=ask.call.issuer, fields=fields, now=ask.now)
    return wire.issuer(row, origin=ask.call.origin)


def _update(ask: OperationContext) -> dict[str, Any]:
    fields = wire.read_issuer(ask.call.body())
    row = settings.update_issuer(grant=ask.grant, vault=ask.vault, name=ask.call.issuer, fields=fields, now=ask.now)
    return wire.issuer(row, origin=ask.call.origin)


def _delete(ask: OperationContext) -> dict[str, Any]:
    row = settings.delete_issuer(grant=ask.grant, vault=ask.vault, name=ask.call.issuer)
    return wire.issuer(row, origin=ask.call.origin)


def _get_contacts(ask: OperationContext) -> dict[str, Any]:
    return wire.contacts(queries.get_contacts(vault_id=ask.vault.pk), origin=ask.call.origin)


def _set_contacts(ask: OperationContext) -> dict[str, Any]:
    people = wire.read_contacts(ask.call.body())
    return wire.contacts(settings.set_contacts(grant=ask.grant, vault=ask.vault, people=people), origin=ask.call.origin)


def _delete_contacts(ask: OperationContext) -> dict[str, Any]:
    return wire.contacts(settings.delete_contacts(grant=ask.grant, vault=ask.vault), origin=ask.call.origin)


P, CHANGE, PIPELINE, C = Permission, Recorder.CHANGE, Recorder.PIPELINE, "certificate"

LIST = ApiOperation(Operation.CERTIFICATE_ISSUERS_LIST, P.ISSUERS_LIST, C, PIPELINE, _list)
GET = ApiOperation(Operation.CERTIFICATE_ISSUER_GET, P.ISSUERS_GET, C, PIPELINE, _get)
SET = ApiOperation(Operation.CERTIFICATE_ISSUER_SET, P.ISSUERS_SET, C, CHANGE, _set)
UPDATE = ApiOperation(Operation.CERTIFICATE_ISSUER_UPDATE, P.ISSUERS_SET, C, CHANGE, _update)
DELETE = ApiOperation(Operation.CERTIFICATE_ISSUER_DELETE, P.ISSUERS_DELETE, C, CHANGE, _delete)
GET_CONTACTS = ApiOperation(
    Operation.CERTIFICATE_CONTACTS_GET, P.CERTIFICATES_MANAGE_CONTACTS, C, PIPELINE, _get_contacts
)
SET_CONTACTS = ApiOperation(
    Operation.CERTIFICATE_CONTACTS_SET, P.CERTIFICATES_MANAGE_CONTACTS, C, CHANGE, _set_contacts
)
DELETE_CONTACTS = ApiOperation(
    Operation.CERTIFICATE_CONTACTS_DELETE, P.CERTIFICATES_MANAGE_CONTACTS, C, CHANGE, _delete_contacts
)
