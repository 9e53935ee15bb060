"""The operations on secrets: read the wire, one domain call, write the wire."""

from typing import Any

from apps.access.permissions import Permission
from apps.dataplane.pipeline import Ask, Operation, Recorder
from apps.dataplane.serializers import secrets as wire
from apps.dataplane.serializers.common import page
from apps.secrets import operations, queries


def _set(ask: Ask) -> dict[str, Any]:
    value, spec = wire.read_new_secret(ask.call.body(largest=wire.LARGEST_BODY))
    made = operations.set_value(
        grant=ask.grant, vault=ask.vault, name=ask.call.name, value=value, spec=spec, now=ask.now
    )
    return wire.bundle(made, ask.vault, identifier=_identifier(ask, made.secret.name, made.version), value=value)


def _get(ask: Ask) -> dict[str, Any]:
    call = ask.call
    facts, value = operations.get_value(
        grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, now=ask.now
    )
    return wire.bundle(facts, ask.vault, identifier=_identifier(ask, facts.name, facts.version), value=value)


def _update(ask: Ask) -> dict[str, Any]:
    changes = wire.read_changes(ask.call.body())
    call = ask.call
    row = operations.update(
        grant=ask.grant, vault=ask.vault, name=call.name, version=call.version, changes=changes, now=ask.now
    )
    return wire.bundle(row, ask.vault, identifier=_identifier(ask, row.secret.name, row.version))


def _list(ask: Ask) -> dict[str, Any]:
    def render(secret: Any) -> dict[str, Any]:
        return wire.bundle(secret.current, ask.vault, identifier=f"{ask.call.origin}/secrets/{secret.name}")

    return page(
        ask,
        collection="secrets",
        load=lambda after, limit: queries.list_secrets(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda secret: secret.folded_name,
        render=render,
    )


def _list_versions(ask: Ask) -> dict[str, Any]:
    def render(version: Any) -> dict[str, Any]:
        return wire.bundle(version, ask.vault, identifier=_identifier(ask, version.secret.name, version.version))

    return page(
        ask,
        collection=f"secrets/{ask.call.name}/versions",
        load=lambda after, limit: queries.list_versions(
            vault_id=ask.vault.pk, name=ask.call.name, after=after, limit=limit
        ),
        cursor=lambda version: version.version,
        render=render,
    )


def _identifier(ask: Ask, name: str, version: str) -> str:
    return f"{ask.call.origin}/secrets/{name}/{version}"


P, WORKER, CHANGE, PIPELINE = Permission, Recorder.WORKER, Recorder.CHANGE, Recorder.PIPELINE

SET = Operation("SecretSet", P.SECRETS_SET, "secret", CHANGE, _set)
GET = Operation("SecretGet", P.SECRETS_GET, "secret", WORKER, _get)
UPDATE = Operation("SecretUpdate", P.SECRETS_UPDATE, "secret", CHANGE, _update)
LIST = Operation("SecretList", P.SECRETS_LIST, "secret", PIPELINE, _list)
LIST_VERSIONS = Operation("SecretListVersions", P.SECRETS_LIST, "secret", PIPELINE, _list_versions)
