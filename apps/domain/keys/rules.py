"""Rules of keys: types, parameters, operations and dates. Pure: no database, no HSM.

Sources: wire-contract.md section 8 (Azure Key Vault "About keys", "Key types, algorithms and operations"), RFC 7518,
RFC 8037 (Ed25519), RFC 9964 (AKP), docs/decisions/0034-key-types.md (ML-KEM).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

from apps.core.errors import BadRequest, Forbidden

SIGN, VERIFY, ENCRYPT, DECRYPT, WRAP, UNWRAP = "sign", "verify", "encrypt", "decrypt", "wrapKey", "unwrapKey"
OPERATIONS = (ENCRYPT, DECRYPT, SIGN, VERIFY, WRAP, UNWRAP)
IMPORT = "import"  # alone: a key exchange key, which imports other keys (docs/reference/wire-contract.md section 9)
HYBRID_OVERHEAD = 1088 + 16  # bytes of its layer around a transfer: encapsulated key and tag of AES-GCM
HYBRID_EXCHANGE = "ML-KEM-768"  # of the second key exchange key of a hybrid transfer (docs/decisions/0034-key-types.md)

# Key type -> the parameters it may have; the first is the default.
PARAMETERS: dict[str, tuple[str, ...]] = {
    "RSA": ("2048", "3072", "4096"),
    "EC": ("P-256", "P-384", "P-521", "P-256K"),
    "oct": ("256", "192", "128"),
    "OKP": ("Ed25519",),
    "AKP": ("ML-DSA-65", "ML-DSA-44", "ML-DSA-87", "ML-KEM-768", "ML-KEM-1024"),
}
ML_DSA = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
ML_KEM_CIPHERTEXT = {"ML-KEM-768": 1088, "ML-KEM-1024": 1568}  # bytes (FIPS 203 table 3)
DEFAULT_OPERATIONS: dict[str, tuple[str, ...]] = {
    "RSA": OPERATIONS,
    "EC": (SIGN, VERIFY),
    "oct": (ENCRYPT, DECRYPT, WRAP, UNWRAP),
    "OKP": (SIGN, VERIFY),
    "AKP": (SIGN, VERIFY),  # ML-KEM keys wrap: see `default_operations`
}
_POSSIBLE_OPERATIONS = DEFAULT_OPERATIONS | {"oct": OPERATIONS}
_KEM_OPERATIONS = (WRAP, UNWRAP)
EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}  # curve -> signature
USUAL_EXPONENT = 65537

# Using old data must stay possible: these work before `nbf` and after `exp`.
_DATELESS = frozenset({DECRYPT, UNWRAP, VERIFY})


class BadKeyParameter(BadRequest):
    """A key type, size, curve, algorithm or value outside the contract."""


class KeyDisabled(Forbidden):
    """The version is disabled."""


class KeyInBrownOut(KeyDisabled):
    """The version is enabled, and this one call is refused as if it were not: a test before its retirement."""


class KeyOutsideDates(Forbidden):
    """Before `nbf` or after `exp`, for an operation that creates new data."""


class KeyNotAttestable(BadRequest):
    """A key that no HSM can make a statement about."""


class KeyOperationForbidden(Forbidden):
    """The operation is not among the version's `key_ops`."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row of the contract's table."""

    key_type: str
    operations: frozenset[str]
    parameter: str = ""  # "" = every parameter of the type
    digest_bytes: int = 0  # sign and verify: the exact length of the digest
    padding_bytes: int = 0  # RSA encryption: what the padding takes of a block
    any_length: bool = False  # the HSM boundary checks the length
    ciphertext_bytes: int = 0  # ML-KEM: wrapping takes nothing, unwrapping exactly this


_SIGNATURE = frozenset({SIGN, VERIFY})
_ENCRYPTION = frozenset({ENCRYPT, DECRYPT, WRAP, UNWRAP})
_AES_MODES = {
    "GCM": frozenset({ENCRYPT, DECRYPT}),
    "CBC": frozenset({ENCRYPT, DECRYPT}),
    "CBCPAD": frozenset({ENCRYPT, DECRYPT}),
    "KW": frozenset({WRAP, UNWRAP}),
}
LONGEST_MESSAGE = 8192  # bytes that one HMAC, or one signature over a message, takes
LONGEST_CONTEXT, MU_BYTES = 255, 64  # of ML-DSA (FIPS 204 sections 5.2 and 6.2)

ALGORITHMS: dict[str, Algorithm] = {
    "RS256": Algorithm("RSA", _SIGNATURE, digest_bytes=32),
    "RS384": Algorithm("RSA", _SIGNATURE, digest_bytes=48),
    "RS512": Algorithm("RSA", _SIGNATURE, digest_bytes=64),
    "PS256": Algorithm("RSA", _SIGNATURE, digest_bytes=32),
    "PS384": Algorithm("RSA", _SIGNATURE, digest_bytes=48),
    "PS512": Algorithm("RSA", _SIGNATURE, digest_bytes=64),
    "ES256": Algorithm("EC", _SIGNATURE, "P-256", digest_bytes=32),
    "ES256K": Algorithm("EC", _SIGNATURE, "P-256K", digest_bytes=32),
    "ES384": Algorithm("EC", _SIGNATURE, "P-384", digest_bytes=48),
    "ES512": Algorithm("EC", _SIGNATURE, "P-521", digest_bytes=64),
    "RSA1_5": Algorithm("RSA", _ENCRYPTION, padding_bytes=11),  # RFC 8017 section 7.2.1
    "RSA-OAEP": Algorithm("RSA", _ENCRYPTION, padding_bytes=42),  # RFC 8017 section 7.1.1: 2 * 20 + 2
    "RSA-OAEP-256": Algorithm("RSA", _ENCRYPTION, padding_bytes=66),  # 2 * 32 + 2
    **{name: Algorithm("oct", _SIGNATURE, any_length=True) for name in ("HS256", "HS384", "HS512")},
    **{
        f"A{bits}{mode}": Algorithm("oct", operations, bits, any_length=True)
        for bits in PARAMETERS["oct"]
        for mode, operations in _AES_MODES.items()
    },
    "EdDSA": Algorithm("OKP", _SIGNATURE, "Ed25519", any_length=True),  # RFC 8037
    "Ed25519": Algorithm("OKP", _SIGNATURE, "Ed25519", any_length=True),  # RFC 9864: the same algorithm
    **{name: Algorithm("AKP", _SIGNATURE, name, any_length=True) for name in ML_DSA},
    **{
        name: Algorithm("AKP", frozenset(_KEM_OPERATIONS), name, ciphertext_bytes=size)
        for name, size in ML_KEM_CIPHERTEXT.items()
    },
}


@dataclass(frozen=True, slots=True)
class NewKey:
    """The properties of a key to create or import."""

    key_type: str
    hardware: bool
    parameter: str
    operations: tuple[str, ...] | None = None
    enabled: bool = True
    not_before: datetime | None = None
    expires: datetime | None = None
    tags: dict[str, str] | None = None
    public_exponent: int = USUAL_EXPONENT
    exportable: bool = False
    release_policy: dict[str, Any] | None = None  # as `validate_release_policy` returns it


class UsableKeyState(Protocol):
    """The facts of a key version that decide about a use."""

    @property
    def key_type(self) -> str: ...
    @property
    def parameter(self) -> str: ...
    @property
    def operations(self) -> Iterable[str]: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def not_before(self) -> datetime | None: ...
    @property
    def expires(self) -> datetime | None: ...


def check_new(spec: NewKey) -> None:
    """Raise `BadKeyParameter` unless such a key can be created."""
    if spec.key_type not in PARAMETERS:
        raise BadKeyParameter(f"The key type '{spec.key_type}' is not supported. Use {', '.join(PARAMETERS)}.")
    if spec.parameter not in PARAMETERS[spec.key_type]:
        allowed = ", ".join(PARAMETERS[spec.key_type])
        raise BadKeyParameter(f"A key of type {spec.key_type} cannot be '{spec.parameter}'. Use one of {allowed}.")
    if spec.operations is not None:
        check_operations(spec.key_type, spec.operations, parameter=spec.parameter)
    if spec.operations == (IMPORT,) and spec.key_type == "RSA" and not spec.hardware:
        raise BadKeyParameter("A key exchange key ('key_ops': ['import']) is made in the HSM: use RSA-HSM.")
    check_dates(spec.not_before, spec.expires)
    _check_exponent(spec)
    _check_exportable(spec)


def check_protection(spec: NewKey, *, hsm_key_types: Collection[str]) -> None:
    """Raise `BadKeyParameter` unless the HSM of the vault's security world can protect a key of this type."""
    if spec.hardware and spec.key_type not in hsm_key_types:
        raise BadKeyParameter(
            f"The HSM of this vault's security world cannot protect a key of type {spec.key_type} {spec.parameter}. "
            f"Use '{spec.key_type}' for a software-protected key."
        )


def _check_exponent(spec: NewKey) -> None:
    exponent = spec.public_exponent
    if exponent == USUAL_EXPONENT:
        return
    if spec.key_type != "RSA" or exponent % 2 == 0 or not 3 <= exponent < 2**31:
        raise BadKeyParameter("The property 'public_exponent' is for RSA keys: an odd number from 3 to 2147483647.")
    if not spec.hardware and exponent != 3:
        raise BadKeyParameter("A software-protected RSA key has the 'public_exponent' 65537 or 3.")


def _check_exportable(spec: NewKey) -> None:
    if spec.exportable and spec.release_policy is None:
        raise BadKeyParameter("AKV.SKR.1005: Exportable keys must have release policy.")
    if spec.release_policy is not None and not spec.exportable:
        raise BadKeyParameter("AKV.SKR.1005: Non-exportable keys must not have release policy.")
    if spec.exportable and spec.key_type not in ("RSA", "EC"):
        raise BadKeyParameter(f"An {spec.key_type} key cannot be exportable here. Use an RSA or EC key.")
    if spec.exportable and spec.operations == (IMPORT,):
        raise BadKeyParameter("A key exchange key cannot be exportable.")


def default_operations(key_type: str, parameter: str) -> tuple[str, ...]:
    """The `key_ops` of a new key that names none."""
    return _KEM_OPERATIONS if parameter in ML_KEM_CIPHERTEXT else DEFAULT_OPERATIONS[key_type]


def check_operations(key_type: str, operations: Iterable[str], *, parameter: str) -> None:
    """Raise `BadKeyParameter` unless the `key_ops` fit the key type and name each operation once."""
    operations = tuple(operations)
    if IMPORT in operations:
        if operations != (IMPORT,) or (key_type != "RSA" and parameter != HYBRID_EXCHANGE):
            raise BadKeyParameter(
                f"The operation 'import' stands alone, and on an RSA-HSM or {HYBRID_EXCHANGE} key only."
            )
        return
    allowed = _KEM_OPERATIONS if parameter in ML_KEM_CIPHERTEXT else _POSSIBLE_OPERATIONS[key_type]
    wrong = [operation for operation in operations if operation not in allowed]
    if wrong:
        kind = f"{key_type} {parameter}" if key_type == "AKP" else key_type
        raise BadKeyParameter(f"A key of type {kind} has no operation '{wrong[0]}'. Use {', '.join(allowed)}.")
    if len(set(operations)) != len(operations):
        raise BadKeyParameter("The property 'key_ops' names an operation twice.")


def check_changed_operations(key_type: str, before: Iterable[str], after: Iterable[str], *, parameter: str) -> None:
    """Raise `BadKeyParameter` unless the `key_ops` of a key may become `after`."""
    after = tuple(after)
    check_operations(key_type, after, parameter=parameter)
    if (IMPORT in after) != (IMPORT in before):
        raise BadKeyParameter("A key exchange key stays one, and no other key becomes one.")


def check_dates(not_before: datetime | None, expires: datetime | None) -> None:
    """Raise `BadKeyParameter` when the object would expire before it may be used."""
    if not_before is not None and expires is not None and expires <= not_before:
        raise BadKeyParameter("The property 'exp' must be later than 'nbf'.")


def check_use(version: UsableKeyState, *, operation: str, algorithm: str, value: bytes, now: datetime) -> None:
    """Raise unless this version may do `operation` with `algorithm` on `value` at `now`.

    Raises `KeyDisabled`, `KeyOutsideDates`, `KeyOperationForbidden`, `BadKeyParameter`.
    """
    if not version.enabled:
        raise KeyDisabled(f"Operation {operation} is not allowed on a disabled key.")
    if operation not in _DATELESS:
        _check_now(version, operation, now)
    if operation not in version.operations:
        raise KeyOperationForbidden(f"Operation {operation} is not permitted on this key.")
    row = ALGORITHMS.get(algorithm)
    if row is None or operation not in row.operations:
        raise BadKeyParameter(f"The algorithm '{algorithm[:40]}' is not supported for {operation}.")
    if row.key_type != version.key_type or row.parameter not in ("", version.parameter):
        raise BadKeyParameter(f"The algorithm '{algorithm}' does not fit a key of type {_describe(version)}.")
    _check_length(row, version, operation, value)


class RehearsedState(Protocol):
    """The marks of a rehearsal on a key version."""

    @property
    def rehearsed_until(self) -> datetime | None: ...
    @property
    def refused_until(self) -> datetime | None: ...
    @property
    def refused_percent(self) -> int: ...


def would_fail(version: RehearsedState, *, now: datetime) -> bool:
    """Tell whether uses of the version are reported as uses that would fail, in a rehearsal of its retirement."""
    return version.rehearsed_until is not None and now < version.rehearsed_until


def check_brown_out(version: RehearsedState, *, operation: str, request_id: UUID, now: datetime) -> None:
    """Raise `KeyInBrownOut` for the requests that a brown-out refuses: always the same ones, by a hash of their ids."""
    if version.refused_until is None or now >= version.refused_until:
        return
    share = int.from_bytes(sha256(request_id.bytes).digest()[:4]) % 100
    if share < version.refused_percent:
        raise KeyInBrownOut(
            f"Operation {operation} is not allowed on a disabled key. This version will be retired: use the newest "
            "version. In this minute some calls are refused as a test; repeat this one."
        )


def only_algorithm(version: UsableKeyState, operation: str) -> str:
    """The algorithm of a use that names none: an AKP key signs with one only. Raises `BadKeyParameter` for others."""
    if version.key_type == "AKP" and operation in _SIGNATURE:
        return version.parameter
    raise BadKeyParameter("The property 'alg' is required and must be a text.")


def check_message(version: UsableKeyState, *, value: bytes, context: bytes, external_mu: bool) -> None:
    """Raise `BadKeyParameter` unless a key signs a message with this context, or an external mu (FIPS 204)."""
    if not context and not external_mu:
        return
    if version.parameter not in ML_DSA:
        raise BadKeyParameter("The properties 'context' and 'external_mu' are for ML-DSA keys.")
    if external_mu and context:
        raise BadKeyParameter("The property 'context' must not be set with 'external_mu'.")
    if external_mu and len(value) != MU_BYTES:
        raise BadKeyParameter(f"The property 'external_mu' has {len(value)} bytes; it must have {MU_BYTES}.")
    if len(context) > LONGEST_CONTEXT:
        raise BadKeyParameter(f"The property 'context' may have {LONGEST_CONTEXT} bytes.")


def _check_now(version: UsableKeyState, operation: str, now: datetime) -> None:
    if version.not_before is not None and now < version.not_before:
        raise KeyOutsideDates(f"Operation {operation} is not allowed on a key that is not yet valid.")
    if version.expires is not None and now >= version.expires:
        raise KeyOutsideDates(f"Operation {operation} is not allowed on an expired key.")


def check_key_exchange_key(version: UsableKeyState, *, now: datetime, key_type: str = "RSA") -> None:
    """Raise unless this version may import keys, as one of `key_type`. Raises as `check_use` does."""
    if not version.enabled:
        raise KeyDisabled("Operation import is not allowed on a disabled key.")
    _check_now(version, IMPORT, now)
    if tuple(version.operations) != (IMPORT,):
        raise KeyOperationForbidden(
            "Operation import is not permitted on this key: its 'key_ops' must be 'import' alone."
        )
    if version.key_type != key_type:
        raise BadKeyParameter(
            "A BYOK file names an RSA key exchange key in 'kid', and in 'pq_kid' one of type AKP, if it is hybrid."
        )


def check_release(*, enabled: bool, exportable: bool) -> None:
    """Raise `KeyDisabled` or `KeyOperationForbidden` unless a version in this state may be released."""
    if not enabled:
        raise KeyDisabled("Operation release is not allowed on a disabled key.")
    if not exportable:
        raise KeyOperationForbidden("Operation release is not permitted on this key: it is not exportable.")


def check_attestable(*, hardware: bool) -> None:
    """Raise `KeyNotAttestable` for a software-protected key."""
    if not hardware:
        raise KeyNotAttestable(
            "Key attestation is for HSM-protected keys; this key is software-protected. Create it as RSA-HSM, EC-HSM "
            "or oct-HSM."
        )


def transferred_size(key_type: str, wrapped_bytes: int) -> str:
    """The size of an RSA or AES key in bits, from the length that it has wrapped (RFC 5649): a BYOK file names none.

    AES keys grow by 8 bytes; RSA keys of 2048, 3072 and 4096 bits take about 1 220, 1 795 and 2 375 as PKCS#8.
    """
    if key_type == "oct":
        return str((wrapped_bytes - 8) * 8)
    return "2048" if wrapped_bytes < 1500 else "3072" if wrapped_bytes < 2100 else "4096"


def _check_length(row: Algorithm, version: UsableKeyState, operation: str, value: bytes) -> None:
    if row.any_length:
        if operation in _SIGNATURE and len(value) > LONGEST_MESSAGE:
            raise BadKeyParameter(f"The value may have {LONGEST_MESSAGE} bytes.")
        return
    if row.digest_bytes:
        if len(value) != row.digest_bytes:
            raise BadKeyParameter(
                f"The digest has {len(value)} bytes; the algorithm signs a digest of {row.digest_bytes} bytes."
            )
        return
    if row.ciphertext_bytes:
        _check_encapsulation(row, operation, value)
        return
    block = int(version.parameter) // 8
    if operation in (ENCRYPT, WRAP):
        if len(value) > block - row.padding_bytes:
            raise BadKeyParameter(f"The value is longer than {block - row.padding_bytes} bytes, one block of this key.")
    elif len(value) != block:
        # The same message as for a ciphertext that does not decrypt: the difference must reveal nothing.
        raise BadKeyParameter("The parameter is incorrect.\r\n")


def _check_encapsulation(row: Algorithm, operation: str, value: bytes) -> None:
    if operation == WRAP and value:
        raise BadKeyParameter(
            "An ML-KEM key wraps a fresh key that the vault makes: leave out 'value', and use 'shared_secret' of the "
            "answer to wrap a key of your own."
        )
    if operation == UNWRAP and len(value) != row.ciphertext_bytes:
        raise BadKeyParameter("The parameter is incorrect.\r\n")


def _describe(version: UsableKeyState) -> str:
    return f"{version.key_type} {version.parameter}"
