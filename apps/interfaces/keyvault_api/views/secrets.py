"""The operations on secrets: read the wire, one domain call, write the wire."""

from dataclasses import replace
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.certificates.policy import PEM, PKCS12
from apps.domain.certificates.x509 import pfx_to_pem
from apps.domain.secrets import queries
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.secrets.operations import backup, soft_delete, values
from apps.interfaces.keyvault_api.call import ApiResponse
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import common
from apps.interfaces.keyvault_api.serializers import secrets as wire
from apps.interfaces.keyvault_api.serializers.common import page


def _set(ask: OperationContext) -> dict[str, Any]:
    value, spec = wire.read_new_secret(ask.call.body(largest=wire.LARGEST_BODY))
    made = values.set_value(grant=ask.grant, vault=ask.vault, name=ask.call.name, value=value, spec=spec, now=ask.now)
    identifier = _identifier(ask, made.secret.name, made.version)
    return wire.bundle(made, ask.vault, identifier=identifier, managed=False, value=value)


def _get(ask: OperationContext) -> dict[str, Any]:
    call = ask.call
    facts, value = values.get_value(grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, now=ask.now)
    if facts.managed and call.query.get("outContentType") == PEM and facts.content_type == PKCS12:
        value, facts = pfx_to_pem(value), replace(facts, content_type=PEM)
    return wire.bundle(
        facts,
        ask.vault,
        identifier=_identifier(ask, facts.name, facts.version),
        managed=facts.managed,
        value=value,
        kid=f"{call.origin}/keys/{facts.name}/{facts.version}",
    )


def _update(ask: OperationContext) -> dict[str, Any]:
    changes = wire.read_changes(ask.call.body())
    call = ask.call
    row = values.update(
        grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, changes=changes, now=ask.now
    )
    return _described(ask, row)


def _list(ask: OperationContext) -> dict[str, Any]:
    def render(secret: Any) -> dict[str, Any]:
        identifier = f"{ask.call.origin}/secrets/{secret.name}"
        return wire.bundle(secret.current, ask.vault, identifier=identifier, managed=secret.managed)

    return page(
        ask,
        collection="secrets",
        load=lambda after, limit: queries.list_secrets(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda secret: secret.folded_name,
        render=render,
    )


def _list_versions(ask: OperationContext) -> dict[str, Any]:
    return page(
        ask,
        collection=f"secrets/{ask.call.name}/versions",
        load=lambda after, limit: queries.list_versions(
            vault_id=ask.vault.pk, name=ask.call.name, after=after, limit=limit
        ),
        cursor=lambda version: version.version,
        render=lambda version: _described(ask, version),
    )


def _delete(ask: OperationContext) -> dict[str, Any]:
    soft_delete.delete(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return _get_deleted(ask)


def _get_deleted(ask: OperationContext) -> dict[str, Any]:
    return _deleted_bundle(ask, queries.get_deleted(vault_id=ask.vault.pk, name=ask.call.name), versioned=True)


def _list_deleted(ask: OperationContext) -> dict[str, Any]:
    return page(
        ask,
        collection="deletedsecrets",
        load=lambda after, limit: queries.list_deleted(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda secret: secret.folded_name,
        render=lambda secret: _deleted_bundle(ask, secret, versioned=False),
    )


def _recover(ask: OperationContext) -> dict[str, Any]:
    secret = soft_delete.recover(grant=ask.grant, vault=ask.vault, name=ask.call.name)
    return _described(ask, queries.get_version(vault_id=ask.vault.pk, name=secret.name))


def _purge(ask: OperationContext) -> ApiResponse:
    soft_delete.purge(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return ApiResponse(204)


def _back_up(ask: OperationContext) -> dict[str, Any]:
    return {"value": backup.back_up(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)}


def _restore(ask: OperationContext) -> dict[str, Any]:
    return _described(ask, backup.restore(grant=ask.grant, vault=ask.vault, blob=common.read_blob(ask)))


def _described(ask: OperationContext, version: SecretVersion) -> dict[str, Any]:
    """A bundle without the value."""
    secret = version.secret
    identifier = _identifier(ask, secret.name, version.version)
    return wire.bundle(version, ask.vault, identifier=identifier, managed=secret.managed)


def _deleted_bundle(ask: OperationContext, secret: Secret, *, versioned: bool) -> dict[str, Any]:
    """DeletedSecretBundle; in a list, DeletedSecretItem, whose id has no version."""
    current = secret.current
    if current is None:
        raise queries.deleted_not_found(secret.name)
    identifier = f"{ask.call.origin}/secrets/{secret.name}" + (f"/{current.version}" if versioned else "")
    body = wire.bundle(current, ask.vault, identifier=identifier, managed=secret.managed)
    return body | common.deleted(secret, collection="secrets", origin=ask.call.origin)


def _identifier(ask: OperationContext, name: str, version: str) -> str:
    return f"{ask.call.origin}/secrets/{name}/{version}"


P, WORKER, CHANGE, PIPELINE = Permission, Recorder.WORKER, Recorder.CHANGE, Recorder.PIPELINE

SET = ApiOperation(Operation.SECRET_SET, P.SECRETS_SET, "secret", CHANGE, _set, quota=None)
GET = ApiOperation(Operation.SECRET_GET, P.SECRETS_GET, "secret", WORKER, _get)
UPDATE = ApiOperation(Operation.SECRET_UPDATE, P.SECRETS_UPDATE, "secret", CHANGE, _update)
LIST = ApiOperation(Operation.SECRET_LIST, P.SECRETS_LIST, "secret", PIPELINE, _list)
LIST_VERSIONS = ApiOperation(Operation.SECRET_LIST_VERSIONS, P.SECRETS_LIST, "secret", PIPELINE, _list_versions)
DELETE = ApiOperation(Operation.SECRET_DELETE, P.SECRETS_DELETE, "secret", CHANGE, _delete)
GET_DELETED = ApiOperation(Operation.SECRET_GET_DELETED, P.SECRETS_GET, "secret", PIPELINE, _get_deleted)
LIST_DELETED = ApiOperation(Operation.SECRET_LIST_DELETED, P.SECRETS_LIST, "secret", PIPELINE, _list_deleted)
RECOVER = ApiOperation(Operation.SECRET_RECOVER, P.SECRETS_RECOVER, "secret", CHANGE, _recover)
PURGE = ApiOperation(Operation.SECRET_PURGE, P.SECRETS_PURGE, "secret", CHANGE, _purge)
BACK_UP = ApiOperation(Operation.SECRET_BACKUP, P.SECRETS_BACKUP, "secret", PIPELINE, _back_up)
RESTORE = ApiOperation(Operation.SECRET_RESTORE, P.SECRETS_RESTORE, "secret", CHANGE, _restore)
