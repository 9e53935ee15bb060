"""Decryption of record bodies. Data keys come from the audit worker and stay in memory for ten minutes."""

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

from apps.audit_log.auditverify import commitment_of
from apps.audit_log.models import DataKey
from apps.audit_log.records import canonical, header_of, is_body
from apps.audit_log.sealing import OPENED_AT_ONCE, SALT, unseal
from apps.core.errors import BadRequest, Unavailable
from apps.domain.hsm_client.lane_client import HsmClient
from apps.domain.hsm_client.protocol import OpenDataKeys, Ping

_SECONDS = 10.0

_known: TTLCache[UUID, bytes] = TTLCache(maxsize=20_000, ttl=600)
_lock = Lock()


class Unreadable(BadRequest):
    """A record's body cannot be decrypted: it, its header or its data key was altered or is missing."""


def load_data_keys(key_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """Load the data keys that can be decrypted. Raises `HsmUnavailable` when the audit worker does not answer."""
    wanted = set(key_ids)
    with _lock:
        keys = {key_id: _known[key_id] for key_id in wanted if key_id in _known}
    rows = list(DataKey.objects.filter(pk__in=wanted - set(keys)))
    for at in range(0, len(rows), OPENED_AT_ONCE):
        keys |= _request_keys(rows[at : at + OPENED_AT_ONCE])
    with _lock:
        _known.update(keys)
    return keys


def open_body(row: Mapping[str, Any], keys: Mapping[UUID, bytes]) -> tuple[bytes, dict[str, Any]]:
    """Decrypt (salt, body) of a row of `SELECTED`. Raises `Unreadable`, also for a body that is not what was signed.

    A process that may write records can seal any bytes: a body in another form would stop those who export it.
    """
    material = keys.get(row["key_id"])
    if material is None:
        raise Unreadable(f"The data key of record {row['id']} is missing, or was altered or forged.")
    try:
        salt, body = unseal(material, header_of(row), bytes(row["sealed"]))
        opened = orjson.loads(body)
        if len(salt) == SALT and is_body(opened) and canonical(opened) == body:
            if commitment_of(salt, body) != bytes(row["commitment"]):
                raise Unreadable(f"Record {row['id']} was altered: its body is not the one that it is signed with.")
            return salt, opened
    except (InvalidTag, ValueError, TypeError):  # JSON that cannot be encoded again is a TypeError
        raise Unreadable(f"Record {row['id']} was altered: its body does not open with its header.") from None
    raise Unreadable(f"Record {row['id']} has a body that no process of this installation writes.")


def is_available() -> bool:
    """Return whether the audit worker answers, with its token."""
    try:
        audit_lane().call(Ping(), timeout=1.0)
    except Unavailable:
        return False
    return True


def _request_keys(rows: list[DataKey]) -> dict[UUID, bytes]:
    """Send one request; if a key in it is forged, one for each key, so that a forged key hides no other."""
    packed = [(row.pk.bytes, bytes(row.sealed), bytes(row.mac), bytes(row.sealing_key)) for row in rows]
    try:
        materials = audit_lane().call(OpenDataKeys(time.time() + _SECONDS, packed), timeout=_SECONDS)
    except BadRequest:
        return {} if len(rows) == 1 else {key: value for row in rows for key, value in _request_keys([row]).items()}
    return {row.pk: material for row, material in zip(rows, materials, strict=True)}


@cache
def audit_lane() -> HsmClient:
    """The client of the audit worker, one per process."""
    return HsmClient(Path(settings.AUDIT_LANE_DIR) / settings.AUDIT_LANE_PEER)
