"""The operations on secrets: parse the request, make one domain call, build the response."""

from dataclasses import replace
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.certificates.policy import PEM, PKCS12
from apps.domain.certificates.x509 import pfx_to_pem
from apps.domain.secrets import value_reading
from apps.domain.secrets.kind import SECRETS, SecretItem
from apps.domain.secrets.operations import values
from apps.domain.secrets.queries import SecretFacts
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import secrets as wire
from apps.interfaces.keyvault_api.views.objects import ObjectViews


def _set(context: OperationContext) -> dict[str, Any]:
    value, spec = wire.parse_new_secret(context.request.body(largest=wire.LARGEST_BODY))
    version = context.call(values.set_value, value=value, spec=spec)
    identifier = _identifier(context, version.secret.name, version.version)
    return wire.bundle(version, context.vault, identifier=identifier, managed=False, value=value)


def _get(context: OperationContext) -> dict[str, Any]:
    request = context.request
    facts, value = value_reading.read_value(
        context=context.caller, vault=context.vault, name=request.name, version=request.version
    )
    if facts.managed and request.query.get("outContentType") == PEM and facts.content_type == PKCS12:
        value, facts = pfx_to_pem(value), replace(facts, content_type=PEM)
    return wire.bundle(
        facts,
        context.vault,
        identifier=_identifier(context, facts.name, facts.version),
        managed=facts.managed,
        value=value,
        kid=f"{request.origin}/keys/{facts.name}/{facts.version}",
    )


def _update(context: OperationContext) -> dict[str, Any]:
    changes = wire.parse_changes(context.request.body())
    return _version_item(context, context.call(values.update, version=context.request.version, changes=changes))


def _bundle(context: OperationContext, secret: Any) -> dict[str, Any]:
    identifier = _identifier(context, secret.name, secret.current.version)
    return wire.bundle(secret.current, context.vault, identifier=identifier, managed=secret.managed)


def _item(context: OperationContext, item: SecretItem) -> dict[str, Any]:
    identifier = f"{context.request.origin}/secrets/{item.name}"
    return wire.bundle(item, context.vault, identifier=identifier, managed=item.managed)


def _version_item(context: OperationContext, item: SecretItem | SecretFacts) -> dict[str, Any]:
    identifier = _identifier(context, item.name, item.version)
    return wire.bundle(item, context.vault, identifier=identifier, managed=item.managed)


def _identifier(context: OperationContext, name: str, version: str) -> str:
    return f"{context.request.origin}/secrets/{name}/{version}"


OBJECTS = ObjectViews(SECRETS, bundle=_bundle, item=_item, version_item=_version_item)
P, DECIDES, CHANGE, PIPELINE = Permission, Recorder.DECIDING_WORKER, Recorder.CHANGE, Recorder.PIPELINE

SET = ApiOperation(Operation.SECRET_SET, P.SECRETS_SET, "secret", CHANGE, _set, quota=None)
GET = ApiOperation(Operation.SECRET_GET, P.SECRETS_GET, "secret", DECIDES, _get, quota=None)
UPDATE = ApiOperation(Operation.SECRET_UPDATE, P.SECRETS_UPDATE, "secret", CHANGE, _update)
LIST = ApiOperation(Operation.SECRET_LIST, P.SECRETS_LIST, "secret", PIPELINE, OBJECTS.list_live)
LIST_VERSIONS = ApiOperation(Operation.SECRET_LIST_VERSIONS, P.SECRETS_LIST, "secret", PIPELINE, OBJECTS.list_versions)
DELETE = ApiOperation(Operation.SECRET_DELETE, P.SECRETS_DELETE, "secret", CHANGE, OBJECTS.delete)
GET_DELETED = ApiOperation(Operation.SECRET_GET_DELETED, P.SECRETS_GET, "secret", PIPELINE, OBJECTS.get_deleted)
LIST_DELETED = ApiOperation(Operation.SECRET_LIST_DELETED, P.SECRETS_LIST, "secret", PIPELINE, OBJECTS.list_deleted)
RECOVER = ApiOperation(Operation.SECRET_RECOVER, P.SECRETS_RECOVER, "secret", CHANGE, OBJECTS.recover)
PURGE = ApiOperation(Operation.SECRET_PURGE, P.SECRETS_PURGE, "secret", CHANGE, OBJECTS.purge)
BACK_UP = ApiOperation(Operation.SECRET_BACKUP, P.SECRETS_BACKUP, "secret", Recorder.WORKER, OBJECTS.back_up)
RESTORE = ApiOperation(Operation.SECRET_RESTORE, P.SECRETS_RESTORE, "secret", CHANGE, OBJECTS.restore)
ACKNOWLEDGE = ApiOperation(Operation.SECRET_ACKNOWLEDGE, P.SECRETS_GET, "secret", CHANGE, OBJECTS.acknowledge)
