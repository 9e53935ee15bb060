"""Using keys, over the lane; the worker checks the same rules again, and records the use."""

from datetime import datetime
from typing import Any, NamedTuple

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import Facts, RandomBytes, UseKey
from apps.domain.keys import queries, rules
from apps.domain.keys.kind import KEYS, VersionFacts
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota

MOST_RANDOM_BYTES = 128


class BadCount(BadRequest):
    """More or fewer random bytes than one request gives."""


class UseInput(NamedTuple):
    """The input of a use: digest, plaintext or ciphertext, and the parameters of AES."""

    algorithm: str
    value: bytes
    signature: bytes = b""  # verify
    iv: bytes = b""
    aad: bytes = b""
    tag: bytes = b""


class UseResult(NamedTuple):
    """The result of a use, and the version that was used. `iv` and `tag` where the algorithm has them."""

    version: VersionFacts
    value: bytes
    iv: bytes = b""
    tag: bytes = b""


# Permission of a use -> (name in key_ops, name in the audit record). The worker reads it too.
USES: dict[Permission, tuple[str, Operation]] = {
    Permission.KEYS_SIGN: (rules.SIGN, Operation.KEY_SIGN),
    Permission.KEYS_VERIFY: (rules.VERIFY, Operation.KEY_VERIFY),
    Permission.KEYS_ENCRYPT: (rules.ENCRYPT, Operation.KEY_ENCRYPT),
    Permission.KEYS_DECRYPT: (rules.DECRYPT, Operation.KEY_DECRYPT),
    Permission.KEYS_WRAP: (rules.WRAP, Operation.KEY_WRAP),
    Permission.KEYS_UNWRAP: (rules.UNWRAP, Operation.KEY_UNWRAP),
}
_MAKES_CIPHERTEXT = frozenset({Permission.KEYS_ENCRYPT, Permission.KEYS_WRAP})


def use(*, grant: Grant, vault: Vault, name: str, version: str, data: UseInput, now: datetime) -> UseResult:
    """Perform the use that the grant is for. Signatures: RFC 8017 for RS and PS, raw r||s for ES (RFC 7518 3.4).

    A ciphertext that does not open is `BadKeyParameter`, whatever is wrong with it. Raises `KeyNotFound`,
    `KeyDisabled`, `KeyOutsideDates`, `KeyOperationForbidden`, `TooManyRequests`, `HsmUnavailable`.
    """
    grant.require(grant.permission if grant.permission in USES else Permission.KEYS_SIGN, vault_id=vault.pk)
    operation, record_name = USES[grant.permission]
    facts = queries.find_facts(vault_id=vault.pk, name=name, version=version)
    rules.check_use(facts, operation=operation, algorithm=data.algorithm, value=data.value, now=now)
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=_quota_of(facts))
    object_id = KEYS.object_id(facts.name, facts.version)
    answer = client.call_for(
        grant,
        vault,
        UseKey,
        facts=Facts.of(grant, operation=record_name, object_id=object_id, algorithm=data.algorithm),
        permission=grant.permission,
        key_version_id=facts.id.hex,
        **data._asdict(),
    )
    return UseResult(facts, *answer) if grant.permission in _MAKES_CIPHERTEXT else UseResult(facts, answer)


def verify(*, grant: Grant, vault: Vault, name: str, version: str, data: UseInput, now: datetime) -> bool:
    """Verify a signature over a digest; a wrong one is an answer, not an error."""
    grant.require(Permission.KEYS_VERIFY, vault_id=vault.pk)
    return use(grant=grant, vault=vault, name=name, version=version, data=data, now=now).value == b"\x01"


def random_bytes(*, grant: Grant, vault: Vault, count: Any) -> bytes:
    """Read random bytes from the HSM. Raises `BadCount`, `HsmUnavailable`."""
    grant.require(Permission.RANDOM_GET, vault_id=vault.pk)
    if type(count) is not int or not 1 <= count <= MOST_RANDOM_BYTES:
        raise BadCount("GetRandomBytesRequest: count cannot be greater than 128 or less than 1")
    request = RandomBytes(expires_at=grant.request.expires_at, size=count)
    data: bytes = client.call(world=vault.world.name, request=request)
    return data


def _quota_of(facts: VersionFacts) -> Quota:
    """The quota that a use of this version counts against."""
    if facts.key_type == "RSA" and facts.parameter in ("3072", "4096"):
        return Quota(f"{'hsm-' if facts.hardware else ''}rsa-{facts.parameter}")
    return Quota.HSM_RSA_2048 if facts.hardware else Quota.RSA_2048
