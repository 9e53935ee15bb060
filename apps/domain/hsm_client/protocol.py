"""The protocol between clients and HSM workers: msgspec structs, packed as msgpack arrays; one request, one answer.

A request is `[class name, *fields]`, an answer `["", value]` or `[error code, message, seconds to wait, recorded]`. All
processes of an installation run one version, so fields may change.
"""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, ClassVar
from uuid import UUID
from zlib import crc32

import msgspec
from msgspec import Struct

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import Phase
from apps.audit_log.writer import Record
from apps.core.errors import raise_named
from apps.core.principals import Audience, RequestContext, request_detail
from apps.domain.access.grants import Grant

LARGEST_PACKET = 192 * 1024  # bytes, of a request or an answer
_SMALL = 1024  # of requests without input of a caller


class Facts(Struct, array_like=True, frozen=True):
    """What the worker writes into the audit record of an allowed use. The row of a job stores it as JSON."""

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

    @classmethod
    def of(cls, grant: Grant, *, operation: Operation, object_id: str = "", **detail: Any) -> "Facts":
        """Collect everything that the record of a use that `grant` allowed needs."""
        principal, scope, request = grant.principal, grant.scope, grant.request
        return cls(
            vault_id=scope.vault_id.hex if scope.vault_id else "",
            vault_name=scope.vault_name,
            operation=operation,
            caller_id=principal.id.hex,
            caller=principal.client_id or principal.name,
            object_id=object_id,
            request_id=request.request_id.hex,
            correlation_id=request.correlation_id,
            address=request.address,
            detail={**request_detail(principal, request), **detail},
        )

    def record(self, *, at: datetime, status: int, **detail: Any) -> Record:
        """Make the audit record of the finished use."""
        return Record(
            at=at,
            vault_id=UUID(self.vault_id) if self.vault_id else None,
            vault_name=self.vault_name,
            operation=self.operation,
            phase=Phase.OUTCOME,
            status=status,
            caller_id=UUID(self.caller_id) if self.caller_id else None,
            caller=self.caller,
            object_id=self.object_id,
            request_id=UUID(self.request_id),
            correlation_id=self.correlation_id,
            address=self.address,
            detail={**self.detail, **detail},
        )


class Request(Struct, array_like=True, tag=True, frozen=True, forbid_unknown_fields=True):
    """A request to an HSM worker. Each subclass is one kind; its name is the tag on the wire."""

    largest_packet: ClassVar[int] = LARGEST_PACKET

    expires_at: float  # Unix time after which the client no longer waits; 0: no limit

    def affinity(self) -> int | None:
        """Requests with the same number find what they need in the same worker; None: any serves it as well."""
        return None


class CallerRequest(Request, frozen=True):
    """A request in a caller's name for an object of a vault.

    The worker decides on it, and records the use or the denial before the answer is sent: no record, no result.
    """

    context: RequestContext  # with the caller's credential; the rest is what the web process reports
    vault_name: str
    name: str  # of the object
    version: str  # "": the current one

    def affinity(self) -> int:
        return crc32(f"{self.vault_name}/{self.name}".lower().encode("utf-8", "replace"))


class Ping(Request, frozen=True):
    """Check the worker and its HSM. Answer: True."""

    largest_packet: ClassVar[int] = _SMALL

    expires_at: float = 0.0


class UseKey(CallerRequest, frozen=True):
    """Sign, verify, encrypt, decrypt, wrap or unwrap with one key version.

    Answer: (name, version, value, iv, tag, shared secret) up to the last that the use has; the value is one byte, 1 or
    0, for verify.
    """

    permission: str  # of the use
    algorithm: str  # "": the only one of an AKP key that signs
    value: bytes  # digest, message, plaintext, ciphertext
    signature: bytes = b""  # verify only
    iv: bytes = b""  # AES only, as the next two
    aad: bytes = b""
    tag: bytes = b""
    message_context: bytes = b""  # ML-DSA only, as the next one
    external_mu: bool = False  # the value is the message representative


class SealSecret(CallerRequest, frozen=True):
    """Seal the value of a new version of a secret. Answer: the sealed value.

    The worker records that it sealed the value; the process that stores it records the change with the row.
    """

    kind: str  # "secret", "certificate": what the caller sets or imports
    value: bytes


class StoreSecret(CallerRequest, frozen=True):
    """Seal a value and store it as the current version of a secret, with its record; `version` is "".

    Answer: (version, when it was created). `SecretNotStored` when only the transaction of an edit can store it.
    """

    value: bytes
    content_type: str | None
    enabled: bool
    not_before: datetime | None
    expires: datetime | None
    tags: dict[str, str]


class SealDestination(CallerRequest, frozen=True):
    """Seal a part of a vault's log destination, or the signing secret of a webhook. Answer: the sealed part.

    It is no object: `name` and `version` are "". The records are those of `SealSecret`.
    """

    destination_id: str
    part: str  # "credentials", "segments"; "webhook": the id is that of a webhook
    value: bytes


class UnsealSecret(CallerRequest, frozen=True):
    """Open one secret version. Answer: (value, the facts of the version, by name)."""

    reason: str = ""  # of a person to whom the value is shown: the record is that of a reveal


class IssueToken(Request, frozen=True):
    """Issue an access token to an application that proves who it is. Answer: the token, "" for a wrong credential."""

    context: RequestContext
    client_id: str
    secret: str = ""
    assertion: str = ""
    issuer_keys: dict[str, Any] = {}  # kid to JWK, of the issuer of an assertion, as the web process fetched them
    audience: Audience = Audience.VAULTS

    def __repr__(self) -> str:
        return f"IssueToken({self.client_id})"


class CheckSigningKey(Request, frozen=True):
    """Verify that this world made a signing key of the token authority. Answer: its public key (SPKI)."""

    largest_packet: ClassVar[int] = _SMALL

    signing_key_id: str


class SignStatement(CallerRequest, frozen=True):
    """Sign the statement of a key release (a compact JWS that is no access token). Answer: the JWS."""

    payload: bytes


class RebindKey(CallerRequest, frozen=True):
    """Bind changed key operations to a key version. Answer: the new (blob, mac)."""

    operations: list[str]


class ImportedKeySpec(Struct, array_like=True, frozen=True):
    """What the HSM binds to an imported key. The worker takes name and version from the request that it decides on."""

    name: str  # folded
    version: str
    custody: str
    key_type: str
    parameter: str
    operations: list[str]  # sorted
    exportable: bool


class ImportKey(CallerRequest, frozen=True):
    """Import a key in clear (PKCS#8 DER, or AES bytes) as a new version. Answer: (SPKI, blob, mac).

    The worker records that it bound the key; the process that stores it records the import with the row. The same
    holds for the other requests that bind a key.
    """

    kind: str  # "key", "certificate": what the caller imports
    spec: ImportedKeySpec
    material: bytes


class ImportWrappedKey(CallerRequest, frozen=True):
    """Import a key from a BYOK file with the key exchange key that it names. Answer: (SPKI, blob, mac)."""

    spec: ImportedKeySpec
    kek: tuple[str, str]  # (name, version)
    ciphertext: bytes
    pq_kek: tuple[str, str] | None = None  # of the ML-KEM key exchange key, if the file is hybrid


class BindBackup(CallerRequest, frozen=True):
    """Compute the world's HMAC over the header of a backup of the named object. Answer: (mac, encapsulated, key).

    The header has the digest of each part, and must name the vault and the object that the caller may back up. The key
    encrypts the parts; the worker makes it again from `encapsulated`.
    """

    kind: str  # "key", "secret", "certificate"
    header: bytes


class CheckBackup(Request, frozen=True):
    """Verify that the world of this vault bound the header. Answer: (a flag, the key of the parts).

    `encapsulated`: b"" for a backup of format 1, whose parts are not encrypted, as the key in the answer then.
    """

    vault_id: str
    header: bytes
    mac: bytes
    encapsulated: bytes = b""


class RestoreKeyVersion(CallerRequest, frozen=True):
    """Move a key version out of a genuine backup into a vault. Answer: the new (blob, mac)."""

    kind: str  # "key", "certificate": what the caller restores
    header: bytes
    mac: bytes
    part: bytes


class RestoreSecretVersion(CallerRequest, frozen=True):
    """Seal a secret version out of a genuine backup for a vault. Answer: the sealed value."""

    kind: str  # "secret", "certificate": what the caller restores
    header: bytes
    mac: bytes
    part: bytes


class ReleaseKey(CallerRequest, frozen=True):
    """Encrypt an exportable key to an attested recipient (SPKI). Answer: the ciphertext.

    The web process has verified the attestation; `issuer` and `recipient_id` are what it reports of it.
    """

    recipient: bytes
    algorithm: str
    issuer: str
    recipient_id: str


class AttestKey(CallerRequest, frozen=True):
    """Make a signed statement about an HSM-protected key version. Answer: (name, version, statement, chain).

    The statement is a compact JWS, the chain PEM (docs/api.md). Everything in it is what the worker established.
    """


class RandomBytes(Request, frozen=True):
    """Generate random bytes in the HSM. Answer: `size` bytes."""

    largest_packet: ClassVar[int] = _SMALL

    size: int


class SealCertificate(CallerRequest, frozen=True):
    """Seal the secret of a certificate: its chain and, when exportable, its key. Answer: the sealed value."""

    chain: list[bytes]  # DER, the certificate itself first
    content_type: str


class OpenDataKeys(Request, frozen=True):
    """Open data keys of the audit log, at the audit worker. Answer: the keys in the same order.

    Each entry is (id, sealed, mac, fingerprint of the audit key that it is sealed to).
    """

    keys: list[tuple[bytes, bytes, bytes, bytes]]


class Status(Request, frozen=True):
    """Report the token's facts and the latencies. Answer: facts by name, nothing secret (`Device.facts`, `latency`)."""

    largest_packet: ClassVar[int] = _SMALL

    expires_at: float = 0.0


class OpenDestination(Request, frozen=True):
    """Open the credentials of a log destination, for the delivery process.

    Answer: (credentials, secret of segments), each b"" where there are none.
    """

    largest_packet: ClassVar[int] = _SMALL

    destination_id: str


class OpenWebhook(Request, frozen=True):
    """Open the signing secrets of a webhook, for the event worker. Answer: those that sign now, the newest first."""

    largest_packet: ClassVar[int] = _SMALL

    subscription_id: str


class SignEvidence(Request, frozen=True):
    """Sign a text that names the SHA-256 of an evidence pack's manifest, at the audit worker. Answer: the signed note.

    The worker builds the text itself, so that this request cannot get a checkpoint signed.
    """

    largest_packet: ClassVar[int] = _SMALL

    digest: bytes


_kinds = {*Request.__subclasses__(), *CallerRequest.__subclasses__()} - {CallerRequest}
_decoder: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(reduce(or_, _kinds))
_encoder = msgspec.msgpack.Encoder()


def pack_request(request: Request) -> bytes:
    """Encode one packet."""
    return _encoder.encode(request)


def unpack_request(data: bytes) -> Request:
    """Decode a packet. Raises `ValueError` for anything that is not a request."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("not a request of the HSM protocol") from None  # the cause quotes the packet


def pack_answer(value: Any) -> bytes:
    """Encode a success: bytes, a flag, several byte strings, or facts by name."""
    return _encoder.encode(("", value))


def pack_refusal(name: str, message: str, *, retry_after: int = 0, recorded: bool = False) -> bytes:
    """Encode a failure: an error's code and message, the seconds to wait, and whether its denial is recorded."""
    return _encoder.encode((name, message, retry_after, recorded))


def unpack_answer(data: bytes) -> Any:
    """Decode an answer. Raises the error of a failure, `Unavailable` for one that this version does not know."""
    name, value, *more = msgspec.msgpack.decode(data)
    if name:
        retry_after, recorded = more
        raise_named(name, value, retry_after=retry_after, recorded=recorded)
    return value
