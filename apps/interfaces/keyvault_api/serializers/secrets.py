"""Secrets on the wire (docs/reference/wire-contract.md section 12)."""

from typing import Any, Protocol

from apps.core.strict_json import loads_object
from apps.domain.secrets.rules import NewSecret
from apps.domain.vaults.models import Vault
from apps.interfaces.keyvault_api.serializers.common import HasAttributes, attributes
from apps.interfaces.keyvault_api.serializers.fields import (
    Attributes,
    Body,
    StrictString,
    Tags,
    changes_of,
    without_nulls,
)

LARGEST_BODY = 256 * 1024  # 25 KB of text may be six times as long in JSON escapes
_LONGEST_CONTENT_TYPE = 255


class SecretAttributes(HasAttributes, Protocol):
    """The fields of a secret version that a response shows, from a row or from the facts."""

    @property
    def version(self) -> str: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def tags(self) -> dict[str, str]: ...


class NewSecretBody(Body):
    """PUT /secrets/{name}."""

    value = StrictString()
    contentType = StrictString(longest=_LONGEST_CONTENT_TYPE, required=False, allow_null=True)  # noqa: N815  the wire's name
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)


class UpdateSecretBody(Body):
    """PATCH /secrets/{name}/{version}."""

    contentType = StrictString(longest=_LONGEST_CONTENT_TYPE, required=False, allow_null=True)  # noqa: N815  the wire's name
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)


def parse_new_secret(data: bytes) -> tuple[str, NewSecret]:
    """Parse the value and its attributes. Raises `BadBody`."""
    plain = loads_object(data)
    if plain.keys() == {"value"} and isinstance(plain["value"], str):  # half the time of a set, without the serializer
        return plain["value"], NewSecret()
    body = NewSecretBody.validate_object(plain)
    given = without_nulls(body.get("attributes", {}))
    return body["value"], NewSecret(
        content_type=body.get("contentType"),
        enabled=given.get("enabled", True),
        not_before=given.get("nbf"),
        expires=given.get("exp"),
        tags=body.get("tags"),
    )


def parse_changes(data: bytes) -> dict[str, Any]:
    """Parse the changes of a version. Raises `BadBody`."""
    return changes_of(UpdateSecretBody.read(data), tags="tags", contentType="content_type")


def bundle(
    version: SecretAttributes,
    vault: Vault,
    *,
    identifier: str,
    managed: bool,
    value: str | None = None,
    kid: str | None = None,
) -> dict[str, Any]:
    """Build a SecretBundle or, with an id without version, a SecretItem; `value` and `kid` as the contract has them."""
    body: dict[str, Any] = {} if value is None else {"value": value}
    if version.content_type is not None:
        body["contentType"] = version.content_type
    body |= {"id": identifier, "attributes": attributes(version, vault)}
    if version.tags:
        body["tags"] = version.tags
    if managed:
        body["managed"] = True
        if kid is not None:
            body["kid"] = kid
    return body
