"""Opening record bodies: data keys come from the audit worker's lane and are kept for ten minutes in memory."""

import time
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

import orjson
from cachetools import TTLCache
from cryptography.exceptions import InvalidTag
from django.conf import settings

from apps.audit_log.models import DataKey
from apps.audit_log.records import header_of
from apps.audit_log.sealing import unseal
from apps.core.errors import BadRequest, Unavailable
from apps.domain.hsm_client.lane_client import HsmClient
from apps.domain.hsm_client.protocol import OpenDataKeys, Ping

_AT_ONCE = 64  # an RSA-3072 decryption takes about 3 ms
_SECONDS = 10.0

_known: TTLCache[UUID, bytes] = TTLCache(maxsize=20_000, ttl=600)
_lock = Lock()


class Unreadable(BadRequest):
    """A record's body does not open: it, its header or its data key was altered, or is not there."""


def load_data_keys(key_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """The data keys that can be opened. Raises `HsmUnavailable` when the audit worker does not answer."""
    wanted = set(key_ids)
    with _lock:
        found = {key_id: _known[key_id] for key_id in wanted if key_id in _known}
    rows = list(DataKey.objects.filter(pk__in=wanted - set(found)))
    for at in range(0, len(rows), _AT_ONCE):
        found |= _ask(rows[at : at + _AT_ONCE])
    with _lock:
        _known.update(found)
    return found


def open_body(row: Mapping[str, Any], keys: Mapping[UUID, bytes]) -> tuple[bytes, dict[str, Any]]:
    """(salt, body) of a row with its header's columns and `sealed`. Raises `Unreadable`."""
    material = keys.get(row["key_id"])
    if material is None:
        raise Unreadable(f"The data key of record {row['id']} is missing, or was altered or forged.")
    try:
        salt, body = unseal(material, header_of(row), bytes(row["sealed"]))
        return salt, orjson.loads(body)
    except (InvalidTag, ValueError):
        raise Unreadable(f"Record {row['id']} was altered: its body does not open with its header.") from None


def is_available() -> bool:
    """Does the audit worker answer, with its token?"""
    try:
        audit_lane().call(Ping(), timeout=1.0)
    except Unavailable:
        return False
    return True


def _ask(rows: list[DataKey]) -> dict[UUID, bytes]:
    """One packet; when one key in it is forged, each alone, so that a forged one hides no other."""
    packed = [(row.pk.bytes, bytes(row.sealed), bytes(row.mac), bytes(row.sealing_key)) for row in rows]
    try:
        opened = audit_lane().call(OpenDataKeys(time.time() + _SECONDS, packed), timeout=_SECONDS)
    except BadRequest:
        return {} if len(rows) == 1 else {key: value for row in rows for key, value in _ask([row]).items()}
    return {row.pk: material for row, material in zip(rows, opened, strict=True)}


@cache
def audit_lane() -> HsmClient:
    """The way to the audit worker, one per process."""
    return HsmClient(Path(settings.AUDIT_LANE_DIR))
