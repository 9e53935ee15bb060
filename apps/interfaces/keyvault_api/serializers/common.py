"""Attributes, ids and pages: what keys and secrets write alike (docs/reference/wire-contract.md sections 4-6)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.core import signing

from apps.core.clock import to_epoch
from apps.core.errors import BadRequest
from apps.domain.objects.backups import LARGEST_BACKUP
from apps.domain.vaults.models import Recoverable, Vault
from apps.domain.vaults.rules import recovery_level
from apps.interfaces.keyvault_api.pipeline import OperationContext
from apps.interfaces.keyvault_api.serializers.fields import Body, StrictString

LARGEST_PAGE = 25

Row = TypeVar("Row")


class BadPage(BadRequest):
    """A page size or continuation that we did not offer."""


class Described(Protocol):
    """What the attributes of any version are read from."""

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


def attributes(version: Described, vault: Vault) -> dict[str, Any]:
    """`attributes` of an answer; absent values are left out."""
    found: dict[str, Any] = {"enabled": version.enabled}
    if version.not_before is not None:
        found["nbf"] = to_epoch(version.not_before)
    if version.expires is not None:
        found["exp"] = to_epoch(version.expires)
    return found | {
        "created": to_epoch(version.created),
        "updated": to_epoch(version.updated),
        "recoveryLevel": recovery_level(vault),
        "recoverableDays": vault.recoverable_days,
    }


def deleted(row: Recoverable, *, collection: str, origin: str) -> dict[str, Any]:
    """What a deleted object's bundle or item has besides (docs/reference/wire-contract.md section 7)."""
    if row.deleted is None or row.purge_after is None:
        raise TypeError("the object is not deleted")
    return {
        "recoveryId": f"{origin}/deleted{collection}/{row.name}",
        "deletedDate": to_epoch(row.deleted),
        "scheduledPurgeDate": to_epoch(row.purge_after),
    }


class BlobBody(Body):
    """POST /{collection}/restore."""

    value = StrictString()


def read_blob(ask: OperationContext) -> str:
    """The backup of a restore request. Raises `BadBody`, `TooLarge`."""
    blob: str = BlobBody.read(ask.call.body(largest=LARGEST_BACKUP * 4 // 3 + 1024))["value"]
    return blob


def page(
    ask: OperationContext,
    *,
    collection: str,
    load: Callable[[str, int], Sequence[Row]],
    cursor: Callable[[Row], str],
    render: Callable[[Row], dict[str, Any]],
    kept: str = "",
) -> dict[str, Any]:
    """One page, in key order, with a signed link to the next. Raises `BadPage`.

    The continuation is bound to vault, caller and collection: another's is refused. `kept` is what else the link must
    say, as `&name=value`.
    """
    size = _size(ask.call.query.get("maxresults"))
    salt = f"page:{ask.vault.pk}:{ask.grant.principal.id}:{collection}"
    token = ask.call.query.get("$skiptoken", "")
    try:
        after: str = signing.loads(token, salt=salt) if token else ""
    except signing.BadSignature:
        raise BadPage("The continuation ($skiptoken) is not one of ours for this list.") from None
    rows = load(after, size + 1)
    link = None
    if len(rows) > size:
        following = signing.dumps(cursor(rows[size - 1]), salt=salt)
        version = ask.grant.request.api_version
        link = f"{ask.call.origin}/{collection}?api-version={version}&$skiptoken={following}&maxresults={size}{kept}"
    return {"value": [render(row) for row in rows[:size]], "nextLink": link}


def _size(text: str | None) -> int:
    if text is None:
        return LARGEST_PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 4 and 1 <= int(text) <= LARGEST_PAGE):
        raise BadPage(f"The parameter 'maxresults' must be a number from 1 to {LARGEST_PAGE}.")
    return int(text)
