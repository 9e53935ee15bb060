"""What crosses the lane: our `ca.proto`. Typed tuples, packed as msgpack arrays; one request, one answer.

A request is `[kind, *fields]`, an answer `[error name, sentence or value]` with an empty name for success. Key
names never travel as anything but facts for the audit record: the worker reads the rows itself.
"""

from datetime import datetime
from typing import Any, NamedTuple, get_args
from uuid import UUID

import msgpack

from apps.audit_log.writer import Record


class Facts(NamedTuple):
    """What the worker writes into the record of this use; made from the grant by `facts_of`."""

    vault_id: str
    vault_name: str
    operation: str
    caller_id: str
    caller: str
    object_id: str
    request_id: str
    correlation_id: str
    address: str
    detail: dict[str, Any]

    def record(self, *, at: datetime, status: int, **detail: Any) -> Record:
        """The audit record of the finished use."""
        return Record(
            at=at,
            vault_id=UUID(self.vault_id) if self.vault_id else None,
            vault_name=self.vault_name,
            operation=self.operation,
            phase="outcome",
            status=status,
            caller_id=UUID(self.caller_id) if self.caller_id else None,
            caller=self.caller,
            object_id=self.object_id,
            request_id=UUID(self.request_id),
            correlation_id=self.correlation_id,
            address=self.address,
            detail={**self.detail, **detail},
        )


class Ping(NamedTuple):
    """Are you there, and is your HSM? Answer: True."""


class UseKey(NamedTuple):
    """Sign, verify, encrypt, decrypt, wrap or unwrap with one key version. Recorded by the worker.

    Answer: bytes, a flag for verify, and (ciphertext, iv, tag) for encrypt and wrap.
    """

    expires_at: float
    facts: Facts
    permission: str
    vault_id: str
    key_version_id: str
    algorithm: str
    value: bytes  # digest, plaintext, ciphertext
    signature: bytes = b""  # verify only
    iv: bytes = b""  # AES only, as the next two
    aad: bytes = b""
    tag: bytes = b""


class SealSecret(NamedTuple):
    """Seal a new secret value under its vault's key. Answer: the sealed bytes.

    Not recorded here: it gives nothing away, and the row that it becomes is recorded in the same transaction.
    """

    expires_at: float
    vault_id: str
    context: bytes
    value: bytes


class UnsealSecret(NamedTuple):
    """Open one secret version. Recorded by the worker. Answer: the value."""

    expires_at: float
    facts: Facts
    permission: str
    vault_id: str
    secret_version_id: str


class SignToken(NamedTuple):
    """Sign the SHA-256 digest of an access token with the authority's key. Recorded by the worker."""

    expires_at: float
    facts: Facts
    signing_key_id: str
    digest: bytes


class RebindKey(NamedTuple):
    """Bind changed key operations to a key. Answer: the new (blob, mac). Recorded with the row's change."""

    expires_at: float
    vault_id: str
    key_version_id: str
    operations: list[str]


class Kind(NamedTuple):
    """What a key that comes from outside shall be: the part of its binding that the web decides."""

    name: str  # folded
    version: str
    custody: str
    key_type: str
    parameter: str
    operations: list[str]  # sorted
    exportable: bool


class ImportKey(NamedTuple):
    """Take a key that the caller brought in clear (PKCS#8 DER, or AES bytes). Answer: (SPKI, blob, mac).

    Not recorded here, nor are the next ones but the release: the row that they become is, in its own transaction.
    """

    expires_at: float
    vault_id: str
    kind: Kind
    material: bytes


class ImportWrappedKey(NamedTuple):
    """Take a key out of a BYOK file with the key exchange key that it names. Answer: (SPKI, blob, mac)."""

    expires_at: float
    vault_id: str
    kind: Kind
    kek_version_id: str
    ciphertext: bytes


class BindBackup(NamedTuple):
    """The world's HMAC over a backup's header, which names the digest of each part. Answer: the mac."""

    expires_at: float
    vault_id: str
    header: bytes


class CheckBackup(NamedTuple):
    """Was this header bound by the world of this vault? Answer: a flag."""

    expires_at: float
    vault_id: str
    header: bytes
    mac: bytes


class RestoreKeyVersion(NamedTuple):
    """Move a key version out of a genuine backup into a vault. Answer: the new (blob, mac)."""

    expires_at: float
    vault_id: str
    header: bytes
    mac: bytes
    part: bytes


class RestoreSecretVersion(NamedTuple):
    """Seal a secret version out of a genuine backup for a vault. Answer: the sealed value."""

    expires_at: float
    vault_id: str
    header: bytes
    mac: bytes
    part: bytes


class ReleaseKey(NamedTuple):
    """Encrypt an exportable key to an attested recipient (SPKI). Recorded by the worker. Answer: the ciphertext."""

    expires_at: float
    facts: Facts
    vault_id: str
    key_version_id: str
    recipient: bytes
    algorithm: str


class RandomBytes(NamedTuple):
    """Random bytes of the HSM. Answer: `size` bytes."""

    expires_at: float
    size: int


class SealCertificate(NamedTuple):
    """The secret of a certificate: its chain and, when it is exportable, its key, sealed. Answer: the sealed value."""

    expires_at: float
    vault_id: str
    key_version_id: str
    chain: list[bytes]  # DER, the certificate itself first
    content_type: str
    context: bytes


class OpenDataKeys(NamedTuple):
    """Open data keys of the usage log, at the audit worker. Answer: the keys, in the order asked.

    Each is (id, sealed, mac, fingerprint of the audit key that it is sealed to).
    """

    expires_at: float
    keys: list[tuple[bytes, bytes, bytes, bytes]]


class Status(NamedTuple):
    """What is your token, and how fast are you? Answer: facts by name, nothing secret (`Device.facts`, `latency`)."""


class OpenDestination(NamedTuple):
    """Open the credentials of a log destination, for the delivery process. Recorded by the worker.

    Answer: (credentials, secret of segments), each b"" where there are none.
    """

    expires_at: float
    facts: Facts
    vault_id: str
    destination_id: str


class SignEvidence(NamedTuple):
    """Sign a text that names the SHA-256 of an evidence pack's manifest, at the audit worker. Answer: the signed note.

    The worker makes the text itself: whoever may ask for this cannot have a checkpoint signed.
    """

    expires_at: float
    digest: bytes


Request = (
    Ping
    | UseKey
    | SealSecret
    | UnsealSecret
    | SignToken
    | RebindKey
    | ImportKey
    | ImportWrappedKey
    | BindBackup
    | CheckBackup
    | RestoreKeyVersion
    | RestoreSecretVersion
    | ReleaseKey
    | RandomBytes
    | SealCertificate
    | OpenDataKeys
    | Status
    | OpenDestination
    | SignEvidence
)

# Their order is the wire's: a new kind goes to the end.
_KINDS: list[type[Any]] = list(get_args(Request))
_NUMBERS = {kind: number for number, kind in enumerate(_KINDS)}


def pack_request(request: Request) -> bytes:
    """One packet."""
    packed: bytes = msgpack.packb((_NUMBERS[type(request)], *request))
    return packed


def unpack_request(data: bytes) -> Request:
    """The request. Raises `ValueError` for anything that is not one."""
    try:
        number, *fields = msgpack.unpackb(data)
        kind = _KINDS[number if number >= 0 else len(_KINDS)]
        request: Request = kind._make(fields)
        if isinstance(request, UseKey | UnsealSecret | SignToken | ReleaseKey | OpenDestination):
            request = request._replace(facts=Facts._make(request.facts))
        elif isinstance(request, ImportKey | ImportWrappedKey):
            request = request._replace(kind=Kind._make(request.kind))
    except (TypeError, IndexError, msgpack.UnpackException) as error:
        raise ValueError("not a request of the lane") from error
    return request


def pack_answer(value: Any) -> bytes:
    """A success: bytes, a flag, several byte strings, or facts by name."""
    packed: bytes = msgpack.packb(("", value))
    return packed


def pack_refusal(name: str, message: str) -> bytes:
    """A failure: an error class's name and its sentence."""
    packed: bytes = msgpack.packb((name, message))
    return packed


def unpack_answer(data: bytes) -> tuple[str, Any]:
    """(error name or "", sentence or value)."""
    name, value = msgpack.unpackb(data)
    return name, value
