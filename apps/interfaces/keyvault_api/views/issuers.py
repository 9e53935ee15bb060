"""The operations on certificate issuers and contacts of a vault."""

from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries
from apps.domain.certificates.models import Issuer
from apps.domain.certificates.operations import settings
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import issuers as wire
from apps.interfaces.keyvault_api.serializers.common import page


def _list(context: OperationContext) -> dict[str, Any]:
    return page(
        context,
        collection="certificates/issuers",
        load=lambda after, limit: queries.list_issuers(vault_id=context.vault.pk, after=after, limit=limit),
        cursor=lambda issuer: issuer.folded_name,
        render=lambda issuer: wire.item(issuer, origin=context.request.origin),
    )


def _get(context: OperationContext) -> dict[str, Any]:
    return _bundle(context, queries.get_issuer(vault_id=context.vault.pk, name=context.request.issuer))


def _set(context: OperationContext) -> dict[str, Any]:
    fields = wire.parse_issuer(context.request.body())
    row = settings.set_issuer(
        grant=context.grant, vault=context.vault, name=context.request.issuer, fields=fields, now=context.now
    )
    return _bundle(context, row)


def _update(context: OperationContext) -> dict[str, Any]:
    fields = wire.parse_issuer(context.request.body())
    row = settings.update_issuer(
        grant=context.grant, vault=context.vault, name=context.request.issuer, fields=fields, now=context.now
    )
    return _bundle(context, row)


def _delete(context: OperationContext) -> dict[str, Any]:
    row = settings.delete_issuer(grant=context.grant, vault=context.vault, name=context.request.issuer)
    return _bundle(context, row)


def _get_contacts(context: OperationContext) -> dict[str, Any]:
    return _contacts(context, queries.get_contacts(vault_id=context.vault.pk))


def _set_contacts(context: OperationContext) -> dict[str, Any]:
    people = wire.parse_contacts(context.request.body())
    return _contacts(context, settings.set_contacts(grant=context.grant, vault=context.vault, people=people))


def _delete_contacts(context: OperationContext) -> dict[str, Any]:
    return _contacts(context, settings.delete_contacts(grant=context.grant, vault=context.vault))


def _bundle(context: OperationContext, row: Issuer) -> dict[str, Any]:
    return wire.issuer(row, origin=context.request.origin)


def _contacts(context: OperationContext, people: list[dict[str, str]]) -> dict[str, Any]:
    return wire.contacts(people, origin=context.request.origin)


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
