"""Uses of keys in a caller's name: the HSM worker decides, checks the rules, and records the use.

No `Grant` is demanded here, because this process does not decide (docs/decisions/0019-worker-decides.md).
"""

from typing import NamedTuple, Protocol

from apps.audit_log.operation_names import Operation
from apps.core.principals import RequestContext
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import AttestKey, UseKey
from apps.domain.keys import rules
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota


class QuotaFacts(Protocol):
    """What selects the quota of a use."""

    @property
    def key_type(self) -> str: ...
    @property
    def parameter(self) -> str: ...
    @property
    def hardware(self) -> bool: ...


class UseInput(NamedTuple):
    """The input of a use: digest, message, plaintext or ciphertext, and the parameters of AES and ML-DSA."""

    algorithm: str  # "": the only one of an AKP key that signs
    value: bytes
    signature: bytes = b""  # verify
    iv: bytes = b""
    aad: bytes = b""
    tag: bytes = b""
    context: bytes = b""
    external_mu: bool = False


class UseResult(NamedTuple):
    """The name and version that were used, and the result. `iv` and `tag` where the algorithm has them."""

    name: str
    version: str
    value: bytes  # b"\x01" or b"\x00" for verify
    iv: bytes = b""
    tag: bytes = b""
    shared_secret: bytes = b""  # the fresh key that an ML-KEM key wrapped


class Attestation(NamedTuple):
    """A key statement: a compact JWS (docs/api.md), and the certificates by which it is verified, in PEM."""

    name: str
    version: str
    statement: bytes
    chain: bytes


# Permission of a use -> (name in key_ops, name in the audit record).
USES: dict[Permission, tuple[str, Operation]] = {
    Permission.KEYS_SIGN: (rules.SIGN, Operation.KEY_SIGN),
    Permission.KEYS_VERIFY: (rules.VERIFY, Operation.KEY_VERIFY),
    Permission.KEYS_ENCRYPT: (rules.ENCRYPT, Operation.KEY_ENCRYPT),
    Permission.KEYS_DECRYPT: (rules.DECRYPT, Operation.KEY_DECRYPT),
    Permission.KEYS_WRAP: (rules.WRAP, Operation.KEY_WRAP),
    Permission.KEYS_UNWRAP: (rules.UNWRAP, Operation.KEY_UNWRAP),
}


def use(
    *, context: RequestContext, permission: Permission, vault: Vault, name: str, version: str, data: UseInput
) -> UseResult:
    """Ask the HSM worker to decide on a use and to perform it, in the name of the caller of `context`.

    Signatures: RFC 8017 for RS and PS, raw r||s for ES (RFC 7518 3.4), as RFC 8032 and FIPS 204 have them. A
    ciphertext that does not open is `BadKeyParameter`, whatever is wrong with it. Raises what `decide` raises,
    `KeyNotFound`, `KeyDisabled`, `KeyOutsideDates`, `KeyOperationForbidden`, `TooManyRequests`, `HsmUnavailable`.
    """
    answer = client.call(
        world=vault.world.name,
        request=UseKey(
            expires_at=context.expires_at,
            context=context,
            vault_name=vault.name,
            name=name,
            version=version,
            permission=permission,
            algorithm=data.algorithm,
            value=data.value,
            signature=data.signature,
            iv=data.iv,
            aad=data.aad,
            tag=data.tag,
            message_context=data.context,
            external_mu=data.external_mu,
        ),
    )
    return UseResult(*answer)


def attest(*, context: RequestContext, vault: Vault, name: str, version: str) -> Attestation:
    """Ask the HSM worker for a signed statement about a key version ("": the current one).

    Raises what `decide` raises, `KeyNotFound`, `KeyNotAttestable`, `TooManyRequests`, `HsmUnavailable`.
    """
    answer = client.call(
        world=vault.world.name,
        request=AttestKey(
            expires_at=context.expires_at, context=context, vault_name=vault.name, name=name, version=version
        ),
    )
    return Attestation(*answer)


def quota_of(facts: QuotaFacts) -> Quota:
    """The quota that a use of this version counts against."""
    if facts.key_type == "RSA" and facts.parameter in ("3072", "4096"):
        return Quota(f"{'hsm-' if facts.hardware else ''}rsa-{facts.parameter}")
    return Quota.HSM_RSA_2048 if facts.hardware else Quota.RSA_2048
