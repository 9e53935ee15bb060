"""The objects of the delivered log, byte for byte (docs/audit-log.md). The same records always make the same bytes."""

import base64
import gzip
import hashlib
import hmac
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.audit_log.auditverify import export_line, manifest_of, object_name
from apps.audit_reader.log_entries import Entry

_MAGIC = b"VPSEG1\n"
_LEVEL = 6


class OutOfOrder(ValueError):
    """The records are not the ones from first to last, each once and in order."""


@dataclass(frozen=True, slots=True)
class Object:
    """One object in the owner's storage."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """The tree as it was before the segment."""

    frontier: Sequence[bytes]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Sealing:
    """Encryption to the owner. The data key comes from `secret` and the content, so that the same comes out again.

    `head`: the key as it was sealed the first time, for RSA-OAEP is never twice the same; b"" makes it.
    """

    public_key: str
    secret: bytes = field(repr=False)
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as it is delivered, in this order: the manifest says that the others are there."""

    objects: tuple[Object, ...]
    manifest_sha256: str
    head: bytes

    @property
    def manifest(self) -> Object:
        return self.objects[-1]


def canonical(value: Any) -> bytes:
    """As `auditverify.canonical` spells it, several times faster."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def build(
    entries: Iterable[Entry],
    *,
    log_id: UUID,
    vault_name: str,
    first: int,
    last: int,
    checkpoint: str,
    start: Start,
    previous: str,
    sealing: Sealing | None = None,
) -> Segment:
    """The objects for the records from `first` to `last`. Raises `OutOfOrder`, and what `entries` raises."""
    packed, leaves = _pack(entries, first, last)
    name = object_name("segments", first, last, encrypted=sealing is not None)
    head = b""
    if sealing is not None:
        head, packed = _seal(packed, name, sealing)
    manifest = canonical(
        manifest_of(
            log=str(log_id),
            vault=vault_name,
            first=first,
            last=last,
            encrypted=sealing is not None,
            segment=_described(packed),
            leaves=_described(leaves),
            checkpoint=checkpoint,
            frontier=[node.hex() for node in start.frontier],
            start_checkpoint=start.checkpoint,
            previous=previous,
        )
    )
    return Segment(
        objects=(
            Object(name, packed),
            Object(object_name("leaves", first, last), leaves),
            Object(object_name("manifests", first, last), manifest),
        ),
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        head=head,
    )


def _pack(entries: Iterable[Entry], first: int, last: int) -> tuple[bytes, bytes]:
    """The gzip file of the lines, and the leaves one after another. No time and no name in the gzip header."""
    packed, leaves, expected = io.BytesIO(), bytearray(), first
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0, compresslevel=_LEVEL) as file:
        for entry in entries:
            if entry.seq != expected:
                raise OutOfOrder(f"record {expected} was expected, {entry.seq} came")
            file.write(_line(entry))
            leaves += entry.leaf
            expected += 1
    if expected != last + 1:
        raise OutOfOrder(f"records end before {expected}, at {last} they should")
    return packed.getvalue(), bytes(leaves)


def _line(entry: Entry) -> bytes:
    line = export_line(
        body=canonical(entry.body),
        header=canonical(entry.header),
        salt=entry.salt,
        sealed_sha256=entry.sealed_sha256,
        seq=entry.seq,
        xid=entry.xid,
    )
    return line + b"\n"


def _described(data: bytes) -> tuple[str, int]:
    return hashlib.sha256(data).hexdigest(), len(data)


def _seal(packed: bytes, name: str, sealing: Sealing) -> tuple[bytes, bytes]:
    """(head, file). The key is unique to name and content, so its nonce may follow from the same."""
    about = name.encode() + b"\x00" + hashlib.sha256(packed).digest()
    key = hmac.new(sealing.secret, b"key\x00" + about, hashlib.sha256).digest()
    nonce = hmac.new(sealing.secret, b"nonce\x00" + about, hashlib.sha256).digest()[:12]
    head = sealing.head or _head(key, nonce, sealing.public_key)
    return head, head + AESGCM(key).encrypt(nonce, packed, name.encode())


def _head(key: bytes, nonce: bytes, public_key: str) -> bytes:
    owner = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(owner, rsa.RSAPublicKey):
        raise TypeError("the owner's key is checked before it is kept")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    described = {"key": _text(owner.encrypt(key, oaep)), "nonce": _text(nonce)}
    return _MAGIC + canonical(described) + b"\n"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
