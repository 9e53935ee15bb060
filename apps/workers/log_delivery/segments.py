"""The objects of the delivered log, byte for byte (docs/audit-log.md), perhaps encrypted to the owner."""

import base64
import hashlib
import hmac
import io
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.audit_log.auditverify import object_name
from apps.audit_log.records import canonical
from apps.audit_reader.segment_format import make_manifest, write_records

_MAGIC = b"VPSEG1\n"


@dataclass(frozen=True, slots=True)
class Object:
    """One object in the owner's storage."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SegmentEncryption:
    """Encryption to the owner. The data key is derived from `secret` and the content, so that it can be derived again.

    `head`: the key as it was encrypted the first time, because RSA-OAEP is randomised; b"": encrypt it now.
    """

    public_key: str
    secret: bytes = field(repr=False)
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment in the order of its delivery: the manifest, which is last, confirms the others."""

    objects: tuple[Object, ...]
    manifest_sha256: str
    head: bytes

    @property
    def manifest(self) -> Object:
        return self.objects[-1]


def build_segment(
    *,
    log_id: UUID,
    vault_name: str,
    first: int,
    last: int,
    previous: str,
    complete: bool,
    encryption: SegmentEncryption | None = None,
) -> Segment:
    """Build the objects for the records from `first` to `last`. Raises as `write_records`."""
    file, leaf_file = io.BytesIO(), io.BytesIO()
    for _ in write_records(log_id=log_id, first=first, last=last, segment=file, leaves=leaf_file, complete=complete):
        pass
    packed, leaves = file.getvalue(), leaf_file.getvalue()
    name = object_name("segments", first, last, encrypted=encryption is not None)
    head = b""
    if encryption is not None:
        head, packed = _seal(packed, name, encryption)
    manifest = make_manifest(
        log_id=log_id,
        vault_name=vault_name,
        first=first,
        last=last,
        segment=_digest_and_size(packed),
        leaves=_digest_and_size(leaves),
        previous=previous,
        encrypted=encryption is not None,
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


def _digest_and_size(data: bytes) -> tuple[str, int]:
    return hashlib.sha256(data).hexdigest(), len(data)


def _seal(packed: bytes, name: str, encryption: SegmentEncryption) -> tuple[bytes, bytes]:
    """Return (head, file). The key is unique to name and content, so that the nonce may be derived from the same."""
    context = name.encode() + b"\x00" + hashlib.sha256(packed).digest()
    key = hmac.new(encryption.secret, b"key\x00" + context, hashlib.sha256).digest()
    nonce = hmac.new(encryption.secret, b"nonce\x00" + context, hashlib.sha256).digest()[:12]
    head = encryption.head or _head(key, nonce, encryption.public_key)
    return head, head + AESGCM(key).encrypt(nonce, packed, name.encode())


def _head(key: bytes, nonce: bytes, public_key: str) -> bytes:
    owner = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(owner, rsa.RSAPublicKey):
        raise TypeError("the owner's key is checked before it is saved")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    header = {"key": _text(owner.encrypt(key, oaep)), "nonce": _text(nonce)}
    return _MAGIC + canonical(header) + b"\n"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
