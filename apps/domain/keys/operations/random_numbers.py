"""Random bytes from the HSM."""

from typing import Any

from apps.core.errors import BadRequest
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import RandomBytes
from apps.domain.vaults.models import Vault

MOST_RANDOM_BYTES = 128


class BadCount(BadRequest):
    """More or fewer random bytes than one request gives."""


def random_bytes(*, grant: Grant, vault: Vault, count: Any) -> bytes:
    """Read random bytes from the HSM. Raises `BadCount`, `HsmUnavailable`."""
    grant.require(Permission.RANDOM_GET, vault_id=vault.pk)
    if type(count) is not int or not 1 <= count <= MOST_RANDOM_BYTES:
        raise BadCount("GetRandomBytesRequest: count cannot be greater than 128 or less than 1")
    request = RandomBytes(expires_at=grant.request.expires_at, size=count)
    data: bytes = client.call(world=vault.world.name, request=request)
    return data
