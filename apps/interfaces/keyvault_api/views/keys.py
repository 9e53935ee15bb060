"""The operations on keys: parse the request, make one domain call, build the response."""

from typing import Any

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.encoding import to_base64url
from apps.core.errors import BadRequest
from apps.domain.access.permissions import Permission
from apps.domain.keys import key_use, queries
from apps.domain.keys.kind import KEYS, KeyItem
from apps.domain.keys.operations import creation, key_release, random_numbers
from apps.domain.keys.operations.rotation import set_policy
from apps.interfaces.keyvault_api.api_versions import KEY_ATTESTATION, SECURE_WRAP
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import imports, rotation
from apps.interfaces.keyvault_api.serializers import keys as wire
from apps.interfaces.keyvault_api.serializers import release as release_wire
from apps.interfaces.keyvault_api.serializers.fields import Body, StrictInteger
from apps.interfaces.keyvault_api.views.objects import ObjectViews


class SecureWrapRefused(BadRequest):
    """An operation of a trusted execution environment that this service does not have."""


class CountBody(Body):
    """POST /rng."""

    count = StrictInteger()


def _create(context: OperationContext) -> dict[str, Any]:
    spec = wire.parse_new_key(context.request.body(), api_version=context.api_version)
    return _bundle(context, context.call(creation.create, spec=spec))


def _import(context: OperationContext) -> dict[str, Any]:
    body = context.request.body(largest=imports.LARGEST_BODY)
    key = imports.parse_import(body, api_version=context.api_version)
    if isinstance(key, imports.WrappedKey):
        facts = context.call(
            creation.import_wrapped_key,
            spec=key.spec,
            kek=key.kek,
            pq_kek=key.pq_kek,
            ciphertext=key.ciphertext,
        )
    else:
        facts = context.call(creation.import_key, spec=key.spec, material=key.material)
    return _bundle(context, facts)


def _rotate(context: OperationContext) -> dict[str, Any]:
    return _bundle(context, context.call(creation.rotate))


def _get(context: OperationContext) -> dict[str, Any]:
    request = context.request
    return _bundle(context, queries.find_facts(vault_id=context.vault.pk, name=request.name, version=request.version))


def _update(context: OperationContext) -> dict[str, Any]:
    changes = wire.parse_changes(context.request.body(), api_version=context.api_version)
    return _bundle(context, context.call(creation.update, version=context.request.version, changes=changes))


def _get_policy(context: OperationContext) -> dict[str, Any]:
    key = KEYS.get_version(context.vault.pk, context.request.name).key
    return rotation.policy(queries.find_rotation_policy(key), origin=context.request.origin, name=key.name)


def _set_policy(context: OperationContext) -> dict[str, Any]:
    policy = rotation.parse_policy(context.request.body())
    row = context.call(set_policy, policy=policy)
    return rotation.policy(row, origin=context.request.origin, name=row.key.name)


def _release(context: OperationContext) -> dict[str, Any]:
    body = release_wire.parse_release(context.request.body(largest=release_wire.LARGEST_BODY))
    facts, kid, ciphertext = context.call(
        key_release.release_key,
        version=context.request.version,
        token=body["target"],
        encryption=body["enc"],
        now=now(),  # the attestation has the time of its issuer
    )
    payload = release_wire.statement(
        facts,
        context.vault,
        origin=context.request.origin,
        request=body,
        kid=kid,
        ciphertext=ciphertext,
        api_version=context.grant.request.api_version,
    )
    statement = key_release.sign_statement(
        grant=context.grant,
        vault=context.vault,
        name=facts.name,
        version=facts.version,
        payload=payload,
    )
    return {"value": statement}


def _get_attestation(context: OperationContext) -> dict[str, Any]:
    request = context.request
    made = key_use.attest(context=context.caller, vault=context.vault, name=request.name, version=request.version)
    body = _bundle(context, queries.find_facts(vault_id=context.vault.pk, name=made.name, version=made.version))
    body["attributes"]["attestation"] = wire.attestation(made, key_type=body["key"]["kty"])
    return body


def _secure_wrap(_context: OperationContext) -> dict[str, Any]:
    raise SecureWrapRefused(
        "Secure wrap and unwrap need a trusted execution environment with its attestation service; this vault has "
        "none. Use wrapkey and unwrapkey, or release an exportable key to an attested environment."
    )


def _random(context: OperationContext) -> dict[str, Any]:
    count = CountBody.read(context.request.body())["count"]
    return {"value": to_base64url(random_numbers.random_bytes(grant=context.grant, vault=context.vault, count=count))}


def _verify(context: OperationContext) -> dict[str, Any]:
    data = wire.parse_verification(context.request.body())
    return {"value": _ask(context, data).value == b"\x01"}


def _sign(context: OperationContext) -> dict[str, Any]:
    result = _ask(context, wire.parse_signing(context.request.body()))
    return {"kid": _kid(context, result), "value": to_base64url(result.value)}


def _use(context: OperationContext) -> dict[str, Any]:
    """Encrypt, decrypt, wrap or unwrap, as the operation's permission says."""
    data = wire.parse_use(context.request.body())
    result = _ask(context, data)
    body = {"kid": _kid(context, result), "value": to_base64url(result.value)}
    if result.iv:
        body["iv"] = to_base64url(result.iv)
    if result.tag:
        body |= {"tag": to_base64url(result.tag), "aad": to_base64url(data.aad)}
    if result.shared_secret:
        body["shared_secret"] = to_base64url(result.shared_secret)
    return body


def _kid(context: OperationContext, result: key_use.UseResult) -> str:
    return f"{context.request.origin}/keys/{result.name}/{result.version}"


def _ask(context: OperationContext, data: key_use.UseInput) -> key_use.UseResult:
    request = context.request
    return key_use.use(
        context=context.caller,
        permission=context.permission,
        vault=context.vault,
        name=request.name,
        version=request.version,
        data=data,
    )


def _bundle(context: OperationContext, facts: queries.KeyFacts) -> dict[str, Any]:
    return wire.bundle(facts, context.vault, origin=context.request.origin, api_version=context.api_version)


def _object_bundle(context: OperationContext, key: Any) -> dict[str, Any]:
    return _bundle(context, queries.facts_of(key.current))


def _item(context: OperationContext, item: KeyItem) -> dict[str, Any]:
    kid = f"{context.request.origin}/keys/{item.name}"
    return wire.item(item, context.vault, kid=kid, api_version=context.api_version)


def _version_item(context: OperationContext, item: KeyItem) -> dict[str, Any]:
    kid = f"{context.request.origin}/keys/{item.name}/{item.version}"
    return wire.item(item, context.vault, kid=kid, api_version=context.api_version)


OBJECTS = ObjectViews(KEYS, bundle=_object_bundle, item=_item, version_item=_version_item)
P, DECIDES, WORKER = Permission, Recorder.DECIDING_WORKER, Recorder.WORKER
CHANGE, PIPELINE = Recorder.CHANGE, Recorder.PIPELINE

CREATE = ApiOperation(Operation.KEY_CREATE, P.KEYS_CREATE, "key", CHANGE, _create, quota=None)
IMPORT = ApiOperation(Operation.KEY_IMPORT, P.KEYS_IMPORT, "key", CHANGE, _import, quota=None)
ROTATE = ApiOperation(Operation.KEY_ROTATE, P.KEYS_ROTATE, "key", CHANGE, _rotate, quota=None)
GET = ApiOperation(Operation.KEY_GET, P.KEYS_GET, "key", PIPELINE, _get)
UPDATE = ApiOperation(Operation.KEY_UPDATE, P.KEYS_UPDATE, "key", CHANGE, _update)
LIST = ApiOperation(Operation.KEY_LIST, P.KEYS_LIST, "key", PIPELINE, OBJECTS.list_live)
LIST_VERSIONS = ApiOperation(Operation.KEY_LIST_VERSIONS, P.KEYS_LIST, "key", PIPELINE, OBJECTS.list_versions)
DELETE = ApiOperation(Operation.KEY_DELETE, P.KEYS_DELETE, "key", CHANGE, OBJECTS.delete)
GET_DELETED = ApiOperation(Operation.KEY_GET_DELETED, P.KEYS_GET, "key", PIPELINE, OBJECTS.get_deleted)
LIST_DELETED = ApiOperation(Operation.KEY_LIST_DELETED, P.KEYS_LIST, "key", PIPELINE, OBJECTS.list_deleted)
RECOVER = ApiOperation(Operation.KEY_RECOVER, P.KEYS_RECOVER, "key", CHANGE, OBJECTS.recover)
PURGE = ApiOperation(Operation.KEY_PURGE, P.KEYS_PURGE, "key", CHANGE, OBJECTS.purge)
BACK_UP = ApiOperation(Operation.KEY_BACKUP, P.KEYS_BACKUP, "key", Recorder.WORKER, OBJECTS.back_up)
RESTORE = ApiOperation(Operation.KEY_RESTORE, P.KEYS_RESTORE, "key", CHANGE, OBJECTS.restore)
GET_POLICY = ApiOperation(Operation.KEY_ROTATION_POLICY_GET, P.KEYS_GET_ROTATION_POLICY, "key", PIPELINE, _get_policy)
SET_POLICY = ApiOperation(Operation.KEY_ROTATION_POLICY_SET, P.KEYS_SET_ROTATION_POLICY, "key", CHANGE, _set_policy)
RELEASE = ApiOperation(Operation.KEY_RELEASE, P.KEYS_RELEASE, "key", WORKER, _release, quota=None)
GET_ATTESTATION = ApiOperation(
    Operation.KEY_GET_ATTESTATION, P.KEYS_GET, "key", DECIDES, _get_attestation, quota=None, since=KEY_ATTESTATION
)
SECURE_WRAP_KEY = ApiOperation(Operation.KEY_SECURE_WRAP, P.KEYS_WRAP, "key", PIPELINE, _secure_wrap, since=SECURE_WRAP)
SECURE_UNWRAP_KEY = ApiOperation(
    Operation.KEY_SECURE_UNWRAP, P.KEYS_UNWRAP, "key", PIPELINE, _secure_wrap, since=SECURE_WRAP
)
RANDOM = ApiOperation(Operation.RANDOM_BYTES_GET, P.RANDOM_GET, "key", PIPELINE, _random)
SIGN = ApiOperation(Operation.KEY_SIGN, P.KEYS_SIGN, "key", DECIDES, _sign, quota=None)
VERIFY = ApiOperation(Operation.KEY_VERIFY, P.KEYS_VERIFY, "key", DECIDES, _verify, quota=None)
ENCRYPT = ApiOperation(Operation.KEY_ENCRYPT, P.KEYS_ENCRYPT, "key", DECIDES, _use, quota=None)
DECRYPT = ApiOperation(Operation.KEY_DECRYPT, P.KEYS_DECRYPT, "key", DECIDES, _use, quota=None)
WRAP = ApiOperation(Operation.KEY_WRAP, P.KEYS_WRAP, "key", DECIDES, _use, quota=None)
UNWRAP = ApiOperation(Operation.KEY_UNWRAP, P.KEYS_UNWRAP, "key", DECIDES, _use, quota=None)
ACKNOWLEDGE = ApiOperation(Operation.KEY_ACKNOWLEDGE, P.KEYS_GET, "key", CHANGE, OBJECTS.acknowledge)
