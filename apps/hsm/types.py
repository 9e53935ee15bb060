"""The values that cross the boundary's surface. Nothing here holds a key in clear."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Custody(StrEnum):
    """Where the private half lives when it is not in use."""

    WRAPPED = "wrapped"  # made in the HSM, wrapped there (RFC 5649), used there
    SOFTWARE = "software"  # made and used by `cryptography` in the worker, sealed by the vault key


class Origin(StrEnum):
    """Where the material of a key comes from, as far as its world knows."""

    UNRECORDED = ""  # bound before origins were, or a key of the service itself
    GENERATED = "generated"  # in the HSM, or by `cryptography` for software custody
    IMPORTED = "imported"  # brought in clear: copies may exist
    TRANSFERRED = "transferred"  # brought wrapped to a key exchange key (BYOK): its source has had it


class KeyType(StrEnum):
    """RFC 7518 section 6.1, RFC 8037 and RFC 9964, without the `-HSM` suffix: custody says that."""

    RSA = "RSA"
    EC = "EC"
    OCT = "oct"
    OKP = "OKP"  # Ed25519
    AKP = "AKP"  # ML-DSA and ML-KEM: the parameter is the key's only algorithm


RSA_BITS = ("2048", "3072", "4096")
AES_BITS = ("128", "192", "256")
ED25519 = "Ed25519"
ML_DSA = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")
ML_KEM = ("ML-KEM-768", "ML-KEM-1024")  # `cryptography` 50 has no ML-KEM-512


@dataclass(frozen=True, slots=True)
class Binding:
    """What a stored key is, and whose. The world's HMAC binds all of it to the blob.

    `vault`, `name` and `version` enter the HMAC only, never a PKCS#11 template.
    """

    world: str
    generation: int
    custody: Custody
    vault: str  # vault id, hex; "" for keys of the organisation itself
    name: str
    version: str
    key_type: KeyType
    parameter: str  # as RSA_BITS, `public_keys.CURVES`, AES_BITS, ED25519, ML_DSA and ML_KEM name it
    operations: tuple[str, ...]  # JWK key_ops, sorted: "sign", "wrapKey", ...; vault keys: ("seal",)
    exportable: bool = False  # may leave, encrypted to a recipient that the caller has checked
    origin: Origin = Origin.UNRECORDED
    restored: bool = False  # came here with a backup: the same material may be elsewhere in its world
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        # Computed once: each use of a key looks it up in several caches.
        identity = (self.world, self.generation, self.vault, self.name, self.version, self.operations, self.exportable)
        object.__setattr__(self, "_hash", hash(identity))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as PostgreSQL keeps it: useless without the HSM of its world."""

    binding: Binding
    public_key: bytes  # SubjectPublicKeyInfo, DER (RFC 5280); b"" for oct
    blob: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.binding, self.mac)))

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True)
class MasterPin:
    """One master key as a ceremony left it: found by id, believed by check value."""

    object_id: bytes  # CKA_ID, 16 random bytes
    check_value: bytes  # first 8 bytes of SHA-256 over a known-answer operation


@dataclass(frozen=True, slots=True)
class WorldMasters:
    """The master keys of one generation of a security world; older generations have no WK-H and no WK-X."""

    world: str
    generation: int
    private_wrapping: MasterPin  # WK-A
    secret_wrapping: MasterPin  # WK-S
    binding_mac: MasterPin  # WM
    hmac_wrapping: MasterPin | None = None  # WK-H
    export_wrapping: MasterPin | None = None  # WK-X


@dataclass(frozen=True, slots=True)
class ModuleConfig:
    """How to reach one token. The PIN is read from its file once, at login."""

    module: Path
    token_label: str
    pin_file: Path = field(repr=False)
    cache_mb: int = 64  # MiB for live unwrapped handles and verified keys


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Result of an encryption; `iv` and `tag` are empty where the algorithm has none."""

    ciphertext: bytes
    iv: bytes = b""
    tag: bytes = b""


@dataclass(frozen=True, slots=True)
class Message:
    """What an Ed25519 or ML-DSA key signs; `context` and `is_mu` are of ML-DSA (FIPS 204 sections 5.2 and 6.2)."""

    value: bytes
    context: bytes = b""  # up to 255 bytes
    is_mu: bool = False  # `value` is the message representative mu, 64 bytes, which the caller has computed
