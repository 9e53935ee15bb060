"""The operations on keys: read the wire, one domain call, write the wire."""

from collections.abc import Callable
from typing import Any

from apps.access.permissions import Permission
from apps.core.encoding import to_base64url
from apps.dataplane.pipeline import Ask, Operation, Recorder
from apps.dataplane.serializers import keys as wire
from apps.dataplane.serializers.common import page
from apps.keys import operations, queries
from apps.keys.operations import UseResult


def _create(ask: Ask) -> dict[str, Any]:
    spec = wire.read_new_key(ask.call.body())
    made = operations.create(grant=ask.grant, vault=ask.vault, name=ask.call.name, spec=spec, now=ask.now)
    return wire.bundle(made, ask.vault, origin=ask.call.origin)


def _rotate(ask: Ask) -> dict[str, Any]:
    made = operations.rotate(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return wire.bundle(made, ask.vault, origin=ask.call.origin)


def _get(ask: Ask) -> dict[str, Any]:
    found = queries.get_version(vault_id=ask.vault.pk, name=ask.call.name, version=ask.call.version)
    return wire.bundle(found, ask.vault, origin=ask.call.origin)


def _update(ask: Ask) -> dict[str, Any]:
    changes = wire.read_changes(ask.call.body())
    call = ask.call
    changed = operations.update(
        grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, changes=changes, now=ask.now
    )
    return wire.bundle(changed, ask.vault, origin=call.origin)


def _list(ask: Ask) -> dict[str, Any]:
    def render(key: Any) -> dict[str, Any]:
        return wire.item(key.current, ask.vault, kid=f"{ask.call.origin}/keys/{key.name}")

    return page(
        ask,
        collection="keys",
        load=lambda after, limit: queries.list_keys(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda key: key.folded_name,
        render=render,
    )


def _list_versions(ask: Ask) -> dict[str, Any]:
    def render(version: Any) -> dict[str, Any]:
        kid = f"{ask.call.origin}/keys/{version.key.name}/{version.version}"
        return wire.item(version, ask.vault, kid=kid)

    return page(
        ask,
        collection=f"keys/{ask.call.name}/versions",
        load=lambda after, limit: queries.list_versions(
            vault_id=ask.vault.pk, name=ask.call.name, after=after, limit=limit
        ),
        cursor=lambda version: version.version,
        render=render,
    )


def _verify(ask: Ask) -> dict[str, Any]:
    algorithm, signature, digest = wire.read_use(ask.call.body(), digest=True)
    call = ask.call
    good = operations.verify(
        grant=ask.grant,
        vault=ask.vault,
        name=call.name,
        version=call.version,
        algorithm=algorithm,
        digest=digest,
        signature=signature,
        now=ask.now,
    )
    return {"value": good}


def _using(use: Callable[..., UseResult]) -> Callable[[Ask], dict[str, Any]]:
    """encrypt, decrypt, wrapkey, unwrapkey and, of a digest, sign are written alike."""

    def perform(ask: Ask) -> dict[str, Any]:
        algorithm, value, _ = wire.read_use(ask.call.body())
        call = ask.call
        result = use(
            grant=ask.grant,
            vault=ask.vault,
            name=call.name,
            version=call.version,
            algorithm=algorithm,
            value=value,
            now=ask.now,
        )
        return _result(ask, result)

    return perform


def _sign(*, value: bytes, **others: Any) -> UseResult:
    return operations.sign(digest=value, **others)


def _result(ask: Ask, result: UseResult) -> dict[str, Any]:
    """KeyOperationResult."""
    kid = f"{ask.call.origin}/keys/{result.version.name}/{result.version.version}"
    return {"kid": kid, "value": to_base64url(result.value)}


P, WORKER, CHANGE, PIPELINE = Permission, Recorder.WORKER, Recorder.CHANGE, Recorder.PIPELINE

CREATE = Operation("KeyCreate", P.KEYS_CREATE, "key", CHANGE, _create)
ROTATE = Operation("KeyRotate", P.KEYS_ROTATE, "key", CHANGE, _rotate)
GET = Operation("KeyGet", P.KEYS_GET, "key", PIPELINE, _get)
UPDATE = Operation("KeyUpdate", P.KEYS_UPDATE, "key", CHANGE, _update)
LIST = Operation("KeyList", P.KEYS_LIST, "key", PIPELINE, _list)
LIST_VERSIONS = Operation("KeyListVersions", P.KEYS_LIST, "key", PIPELINE, _list_versions)
SIGN = Operation("KeySign", P.KEYS_SIGN, "key", WORKER, _using(_sign))
VERIFY = Operation("KeyVerify", P.KEYS_VERIFY, "key", WORKER, _verify)
ENCRYPT = Operation("KeyEncrypt", P.KEYS_ENCRYPT, "key", WORKER, _using(operations.encrypt))
DECRYPT = Operation("KeyDecrypt", P.KEYS_DECRYPT, "key", WORKER, _using(operations.decrypt))
WRAP = Operation("KeyWrap", P.KEYS_WRAP, "key", WORKER, _using(operations.wrap_key))
UNWRAP = Operation("KeyUnwrap", P.KEYS_UNWRAP, "key", WORKER, _using(operations.unwrap_key))
