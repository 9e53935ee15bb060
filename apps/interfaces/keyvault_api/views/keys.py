"""The operations on keys: read the wire, one domain call, write the wire."""

from typing import Any

from apps.audit_log.operation_names import Operation
from apps.core.encoding import to_base64url
from apps.domain.access.permissions import Permission
from apps.domain.identity import tokens
from apps.domain.keys import queries
from apps.domain.keys.models import Key
from apps.domain.keys.operations import backup, creation, key_release, key_use, soft_delete
from apps.domain.keys.operations.rotation import set_policy
from apps.interfaces.keyvault_api.call import ApiResponse
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import common, imports, rotation
from apps.interfaces.keyvault_api.serializers import keys as wire
from apps.interfaces.keyvault_api.serializers import release as release_wire
from apps.interfaces.keyvault_api.serializers.common import page
from apps.interfaces.keyvault_api.serializers.fields import Body, StrictInteger


class CountBody(Body):
    """POST /rng."""

    count = StrictInteger()


def _create(ask: OperationContext) -> dict[str, Any]:
    spec = wire.read_new_key(ask.call.body())
    made = creation.create(grant=ask.grant, vault=ask.vault, name=ask.call.name, spec=spec, now=ask.now)
    return wire.bundle(made, ask.vault, origin=ask.call.origin)


def _import(ask: OperationContext) -> dict[str, Any]:
    found = imports.read_import(ask.call.body(largest=imports.LARGEST_BODY))
    asked: dict[str, Any] = {
        "grant": ask.grant,
        "vault": ask.vault,
        "name": ask.call.name,
        "spec": found.spec,
    }
    if isinstance(found, imports.Wrapped):
        made = creation.import_key_text(**asked, kek=found.kek, ciphertext=found.ciphertext, now=ask.now)
    else:
        made = creation.import_key(**asked, material=found.material, now=ask.now)
    return wire.bundle(made, ask.vault, origin=ask.call.origin)


def _rotate(ask: OperationContext) -> dict[str, Any]:
    made = creation.rotate(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return wire.bundle(made, ask.vault, origin=ask.call.origin)


def _get(ask: OperationContext) -> dict[str, Any]:
    found = queries.get_version(vault_id=ask.vault.pk, name=ask.call.name, version=ask.call.version)
    return wire.bundle(found, ask.vault, origin=ask.call.origin)


def _update(ask: OperationContext) -> dict[str, Any]:
    changes = wire.read_changes(ask.call.body())
    call = ask.call
    changed = creation.update(
        grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, changes=changes, now=ask.now
    )
    return wire.bundle(changed, ask.vault, origin=call.origin)


def _list(ask: OperationContext) -> dict[str, Any]:
    def render(key: Any) -> dict[str, Any]:
        return wire.item(key.current, ask.vault, kid=f"{ask.call.origin}/keys/{key.name}", managed=key.managed)

    return page(
        ask,
        collection="keys",
        load=lambda after, limit: queries.list_keys(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda key: key.folded_name,
        render=render,
    )


def _list_versions(ask: OperationContext) -> dict[str, Any]:
    def render(version: Any) -> dict[str, Any]:
        kid = f"{ask.call.origin}/keys/{version.key.name}/{version.version}"
        return wire.item(version, ask.vault, kid=kid, managed=version.key.managed)

    return page(
        ask,
        collection=f"keys/{ask.call.name}/versions",
        load=lambda after, limit: queries.list_versions(
            vault_id=ask.vault.pk, name=ask.call.name, after=after, limit=limit
        ),
        cursor=lambda version: version.version,
        render=render,
    )


def _delete(ask: OperationContext) -> dict[str, Any]:
    soft_delete.delete(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return _deleted_bundle(ask, queries.get_deleted(vault_id=ask.vault.pk, name=ask.call.name))


def _get_deleted(ask: OperationContext) -> dict[str, Any]:
    return _deleted_bundle(ask, queries.get_deleted(vault_id=ask.vault.pk, name=ask.call.name))


def _list_deleted(ask: OperationContext) -> dict[str, Any]:
    def render(key: Any) -> dict[str, Any]:
        kid = f"{ask.call.origin}/keys/{key.name}"
        item = wire.item(key.current, ask.vault, kid=kid, managed=key.managed)
        return item | common.deleted(key, collection="keys", origin=ask.call.origin)

    return page(
        ask,
        collection="deletedkeys",
        load=lambda after, limit: queries.list_deleted(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda key: key.folded_name,
        render=render,
    )


def _recover(ask: OperationContext) -> dict[str, Any]:
    key = soft_delete.recover(grant=ask.grant, vault=ask.vault, name=ask.call.name)
    found = queries.get_version(vault_id=ask.vault.pk, name=key.name)
    return wire.bundle(found, ask.vault, origin=ask.call.origin)


def _purge(ask: OperationContext) -> ApiResponse:
    soft_delete.purge(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return ApiResponse(204)


def _back_up(ask: OperationContext) -> dict[str, Any]:
    return {"value": backup.back_up(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)}


def _restore(ask: OperationContext) -> dict[str, Any]:
    newest = backup.restore(grant=ask.grant, vault=ask.vault, blob=common.read_blob(ask), now=ask.now)
    return wire.bundle(newest, ask.vault, origin=ask.call.origin)


def _get_policy(ask: OperationContext) -> dict[str, Any]:
    key = queries.get_version(vault_id=ask.vault.pk, name=ask.call.name).key
    return rotation.policy(queries.find_rotation_policy(key), origin=ask.call.origin, name=key.name)


def _set_policy(ask: OperationContext) -> dict[str, Any]:
    policy = rotation.read_policy(ask.call.body())
    row = set_policy(grant=ask.grant, vault=ask.vault, name=ask.call.name, policy=policy, now=ask.now)
    return rotation.policy(row, origin=ask.call.origin, name=row.key.name)


def _release(ask: OperationContext) -> dict[str, Any]:
    asked = release_wire.read_release(ask.call.body(largest=release_wire.LARGEST_BODY))
    version, kid, ciphertext = key_release.release_key(
        grant=ask.grant,
        vault=ask.vault,
        name=ask.call.name,
        version=ask.call.version,
        token=asked["target"],
        encryption=asked["enc"],
        now=ask.now,
    )
    payload = release_wire.statement(
        version,
        ask.vault,
        origin=ask.call.origin,
        asked=asked,
        kid=kid,
        ciphertext=ciphertext,
        api_version=ask.grant.request.api_version,
    )
    object_id = f"keys/{version.key.name}/{version.version}"
    return {
        "value": tokens.sign_statement(
            grant=ask.grant, payload=payload, operation=Operation.KEY_RELEASE_STATEMENT, object_id=object_id
        )
    }


def _random(ask: OperationContext) -> dict[str, Any]:
    count = CountBody.read(ask.call.body())["count"]
    return {"value": to_base64url(key_use.random_bytes(grant=ask.grant, vault=ask.vault, count=count))}


def _verify(ask: OperationContext) -> dict[str, Any]:
    given, call = wire.read_use(ask.call.body(), verify=True), ask.call
    good = key_use.verify(
        grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, given=given, now=ask.now
    )
    return {"value": good}


def _use(ask: OperationContext) -> dict[str, Any]:
    """encrypt, decrypt, wrapkey, unwrapkey and sign are written alike; the grant says which."""
    given, call = wire.read_use(ask.call.body()), ask.call
    result = key_use.use(
        grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, given=given, now=ask.now
    )
    kid = f"{call.origin}/keys/{result.version.name}/{result.version.version}"
    body = {"kid": kid, "value": to_base64url(result.value)}
    if result.iv:
        body["iv"] = to_base64url(result.iv)
    if result.tag:
        body |= {"tag": to_base64url(result.tag), "aad": to_base64url(given.aad)}
    return body


def _deleted_bundle(ask: OperationContext, key: Key) -> dict[str, Any]:
    """DeletedKeyBundle."""
    if key.current is None:
        raise queries.deleted_not_found(key.name)
    bundle = wire.bundle(key.current, ask.vault, origin=ask.call.origin)
    return bundle | common.deleted(key, collection="keys", origin=ask.call.origin)


P, WORKER, CHANGE, PIPELINE = Permission, Recorder.WORKER, Recorder.CHANGE, Recorder.PIPELINE

CREATE = ApiOperation(Operation.KEY_CREATE, P.KEYS_CREATE, "key", CHANGE, _create, quota=None)
IMPORT = ApiOperation(Operation.KEY_IMPORT, P.KEYS_IMPORT, "key", CHANGE, _import, quota=None)
ROTATE = ApiOperation(Operation.KEY_ROTATE, P.KEYS_ROTATE, "key", CHANGE, _rotate, quota=None)
GET = ApiOperation(Operation.KEY_GET, P.KEYS_GET, "key", PIPELINE, _get)
UPDATE = ApiOperation(Operation.KEY_UPDATE, P.KEYS_UPDATE, "key", CHANGE, _update)
LIST = ApiOperation(Operation.KEY_LIST, P.KEYS_LIST, "key", PIPELINE, _list)
LIST_VERSIONS = ApiOperation(Operation.KEY_LIST_VERSIONS, P.KEYS_LIST, "key", PIPELINE, _list_versions)
DELETE = ApiOperation(Operation.KEY_DELETE, P.KEYS_DELETE, "key", CHANGE, _delete)
GET_DELETED = ApiOperation(Operation.KEY_GET_DELETED, P.KEYS_GET, "key", PIPELINE, _get_deleted)
LIST_DELETED = ApiOperation(Operation.KEY_LIST_DELETED, P.KEYS_LIST, "key", PIPELINE, _list_deleted)
RECOVER = ApiOperation(Operation.KEY_RECOVER, P.KEYS_RECOVER, "key", CHANGE, _recover)
PURGE = ApiOperation(Operation.KEY_PURGE, P.KEYS_PURGE, "key", CHANGE, _purge)
BACK_UP = ApiOperation(Operation.KEY_BACKUP, P.KEYS_BACKUP, "key", PIPELINE, _back_up)
RESTORE = ApiOperation(Operation.KEY_RESTORE, P.KEYS_RESTORE, "key", CHANGE, _restore)
GET_POLICY = ApiOperation(Operation.KEY_ROTATION_POLICY_GET, P.KEYS_GET_ROTATION_POLICY, "key", PIPELINE, _get_policy)
SET_POLICY = ApiOperation(Operation.KEY_ROTATION_POLICY_SET, P.KEYS_SET_ROTATION_POLICY, "key", CHANGE, _set_policy)
RELEASE = ApiOperation(Operation.KEY_RELEASE, P.KEYS_RELEASE, "key", WORKER, _release, quota=None)
RANDOM = ApiOperation(Operation.RANDOM_BYTES_GET, P.RANDOM_GET, "key", PIPELINE, _random)
SIGN = ApiOperation(Operation.KEY_SIGN, P.KEYS_SIGN, "key", WORKER, _use, quota=None)
VERIFY = ApiOperation(Operation.KEY_VERIFY, P.KEYS_VERIFY, "key", WORKER, _verify, quota=None)
ENCRYPT = ApiOperation(Operation.KEY_ENCRYPT, P.KEYS_ENCRYPT, "key", WORKER, _use, quota=None)
DECRYPT = ApiOperation(Operation.KEY_DECRYPT, P.KEYS_DECRYPT, "key", WORKER, _use, quota=None)
WRAP = ApiOperation(Operation.KEY_WRAP, P.KEYS_WRAP, "key", WORKER, _use, quota=None)
UNWRAP = ApiOperation(Operation.KEY_UNWRAP, P.KEYS_UNWRAP, "key", WORKER, _use, quota=None)
