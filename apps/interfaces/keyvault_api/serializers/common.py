"""Attributes, deletion and pages: the wire format that all kinds share (wire-contract.md sections 4-7)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.core import signing

from apps.core.clock import to_epoch
from apps.core.errors import BadRequest
from apps.domain.objects.backups import LARGEST_BACKUP
from apps.domain.vaults.models import Vault
from apps.domain.vaults.rules import recovery_level
from apps.interfaces.keyvault_api.pipeline import OperationContext
from apps.interfaces.keyvault_api.serializers.fields import Body, StrictString

LARGEST_PAGE = 25

Row = TypeVar("Row")


class BadPage(BadRequest):
    """A page size or continuation that was not offered."""


class HasAttributes(Protocol):
    """The fields of a version that its attributes show."""

    @property
    def enabled(self) -> bool: ...
    @property
    def not_before(self) -> datetime | None: ...
    @property
    def expires(self) -> datetime | None: ...
    @property
    def created(self) -> datetime: ...
    @property
    def updated(self) -> datetime: ...


def attributes(version: HasAttributes, vault: Vault) -> dict[str, Any]:
    """Build the `attributes` of a response; absent values are left out."""
    shown: dict[str, Any] = {"enabled": version.enabled}
    if version.not_before is not None:
        shown["nbf"] = to_epoch(version.not_before)
    if version.expires is not None:
        shown["exp"] = to_epoch(version.expires)
    return shown | {
        "created": to_epoch(version.created),
        "updated": to_epoch(version.updated),
        "recoveryLevel": recovery_level(vault),
        "recoverableDays": vault.recoverable_days,
    }


def deletion(recovery_id: str, *, deleted: datetime, purge_after: datetime) -> dict[str, Any]:
    """Build the properties that only deleted objects have (docs/reference/wire-contract.md section 7)."""
    return {
        "recoveryId": recovery_id,
        "deletedDate": to_epoch(deleted),
        "scheduledPurgeDate": to_epoch(purge_after),
    }


class BlobBody(Body):
    """POST /{collection}/restore."""

    value = StrictString()


def parse_blob(context: OperationContext) -> str:
    """Read the backup of a restore request. Raises `BadBody`, `TooLarge`."""
    blob: str = BlobBody.read(context.request.body(largest=LARGEST_BACKUP * 4 // 3 + 1024))["value"]
    return blob


def page(
    context: OperationContext,
    *,
    collection: str,
    load: Callable[[str, int], Sequence[Row]],
    cursor: Callable[[Row], str],
    render: Callable[[Row], dict[str, Any]],
    extra: str = "",
) -> dict[str, Any]:
    """Build one page, in key order, with a signed link to the next. Raises `BadPage`.

    The continuation is valid for one vault, caller and collection only. `extra`: more parameters of the link, as
    `&name=value`.
    """
    size = _size(context.request.query.get("maxresults"))
    salt = f"page:{context.vault.pk}:{context.grant.principal.id}:{collection}"
    token = context.request.query.get("$skiptoken", "")
    try:
        after: str = signing.loads(token, salt=salt) if token else ""
    except signing.BadSignature:
        raise BadPage("The continuation ($skiptoken) is not one of ours for this list.") from None
    rows = load(after, size + 1)
    link = None
    if len(rows) > size:
        following = signing.dumps(cursor(rows[size - 1]), salt=salt)
        version = context.grant.request.api_version
        query = f"api-version={version}&$skiptoken={following}&maxresults={size}{extra}"
        link = f"{context.request.origin}/{collection}?{query}"
    return {"value": [render(row) for row in rows[:size]], "nextLink": link}


def _size(text: str | None) -> int:
    if text is None:
        return LARGEST_PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= LARGEST_PAGE):
        raise BadPage(f"The parameter 'maxresults' must be a number from 1 to {LARGEST_PAGE}.")
    return int(text)
