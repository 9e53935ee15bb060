"""Makes real exports, signed with a key of one's own, as delivery writes them."""

import base64
import gzip
import hashlib
import json
import os
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.audit_log import auditverify
from apps.audit_log.auditverify import (
    Checkpoint,
    Frontier,
    LogCheck,
    Options,
    Verifier,
    canonical,
    manifest_of,
    object_name,
)


@dataclass
class Signer:
    """A checkpoint key."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def spki(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def vkey(self):
        return auditverify.vkey_of("vault-portal-audit", self.spki)

    def note(self, log, frontier, vault=""):
        at = f"2026-11-24T14:39:06.{frontier.size % 1000000:06d}Z"
        text = Checkpoint(f"vault-portal/{log}", frontier.size, frontier.root(), at, vault).text()
        signature = self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        return auditverify.signed_note(text, "vault-portal-audit", self.spki, signature)


@dataclass
class Maker:
    """One log that grows; `write` puts the newest records into the next segment."""

    folder: Path  # of the export
    signer: Signer = field(default_factory=Signer)
    vault: str = "payroll"
    log: str = "0193a1b2-0000-7000-8000-00000000abcd"
    public_key: object = None  # RSA: encrypt segments
    signs_vault: bool = False  # as since version 0.5
    writers: int = 3

    def __post_init__(self):
        self.frontier = Frontier()
        self.lines, self.leaves, self.ids, self.notes = [], [], [], {}
        self.numbers, self.previous, self.names = {}, "", []

    @property
    def root(self):
        return self.folder / self.vault / self.log

    def add(self, count, *, skip=()):
        """New records; numbers of writers whose record's seq is in `skip` are counted and not used (a deleted row)."""
        for _ in range(count):
            seq = len(self.lines)
            writer = f"0193a1b2-1111-7000-8000-{seq % self.writers:012d}"
            number = self.numbers.get(writer, 0) + 1 + (seq in skip)
            self.numbers[writer] = number
            self.ids.append(f"0193a1b2-2222-7000-8000-{seq:012x}")
            header = canonical(
                {
                    "id": self.ids[-1],
                    "log": self.log,
                    "at": "2026-11-24T14:39:06.123456Z",
                    "operation": "KeySign",
                    "phase": "outcome",
                    "status": 200,
                    "request": str(uuid.UUID(int=seq)),
                    "caller": "0123456789abcdef",
                    "object": "fedcba9876543210",
                    "address": "00112233445566ff",
                    "writer": writer,
                    "number": number,
                    "key": str(uuid.UUID(int=77)),
                }
            )
            body = canonical(
                {
                    "time": "2026-11-24T14:39:06.123456Z",
                    "resourceId": f"/vaults/{self.vault}",
                    "operationName": "KeySign",
                    "category": "AuditEvent",
                    "resultSignature": "OK",
                    "durationMs": seq,
                    "identity": {"claim": {"appid": 'käthe \\ "x" {}'}},
                    "properties": {"integrity": {"header": {"id": "not-this"}}, "httpStatusCode": 200},
                }
            )
            salt, sealed = os.urandom(16), os.urandom(32)
            leaf = auditverify.leaf_of(header, auditverify.commitment_of(salt, body), sealed, seq + 700)
            self.leaves.append(leaf)
            self.lines.append(
                auditverify.export_line(
                    body=body, header=header, salt=salt, sealed_sha256=sealed, seq=seq, xid=seq + 700
                )
                + b"\n"
            )
        return self

    def write(self):
        """The segment of all records that are not in one yet."""
        first, last = self.frontier.size, len(self.lines) - 1
        start = Frontier(first, self.frontier.hashes)
        self.frontier.extend(b"".join(self.leaves[first:]))
        self.notes[last + 1] = self.signer.note(self.log, self.frontier, self.vault if self.signs_vault else "")
        for kind in ("segments", "leaves", "manifests"):
            (self.root / kind).mkdir(parents=True, exist_ok=True)
        name = object_name("segments", first, last, encrypted=self.public_key is not None)
        segment = gzip.compress(b"".join(self.lines[first:]), mtime=0)
        if self.public_key is not None:
            segment = self._encrypted(name, segment)
        (self.root / name).write_bytes(segment)
        leaves = b"".join(self.leaves[first:])
        (self.root / object_name("leaves", first, last)).write_bytes(leaves)
        self._manifest(first, last, segment, leaves, start)
        return self

    def _manifest(self, first, last, segment, leaves, start):
        data = canonical(
            manifest_of(
                log=self.log,
                vault=self.vault,
                first=first,
                last=last,
                encrypted=self.public_key is not None,
                segment=(hashlib.sha256(segment).hexdigest(), len(segment)),
                leaves=(hashlib.sha256(leaves).hexdigest(), len(leaves)),
                checkpoint=self.notes[last + 1],
                frontier=[part.hex() for part in start.hashes],
                start_checkpoint=self.notes[first] if first else "",
                previous=self.previous,
            )
        )
        self.previous = hashlib.sha256(data).hexdigest()
        self.names.append((first, last))
        (self.root / object_name("manifests", first, last)).write_bytes(data)

    def _encrypted(self, name, segment):
        key, nonce = os.urandom(32), os.urandom(12)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        wrapped = {
            "key": base64.b64encode(self.public_key.encrypt(key, oaep)).decode(),
            "nonce": base64.b64encode(nonce).decode(),
        }
        return b"VPSEG1\n" + json.dumps(wrapped).encode() + b"\n" + AESGCM(key).encrypt(nonce, segment, name.encode())

    def rewrite(self, index, lines):
        """As one who controls the storage: other lines in a segment, and manifests that name them, chained anew."""
        first, last = self.names[index]
        data = gzip.compress(b"".join(lines), mtime=0)
        (self.root / object_name("segments", first, last)).write_bytes(data)
        self.rechain({(first, last): {"segment": data}})

    def rechain(self, changed):
        """Manifests that fit the objects as they are now."""
        previous = ""
        for first, last in self.names:
            path = self.root / object_name("manifests", first, last)
            manifest = json.loads(path.read_bytes())
            for kind, data in changed.get((first, last), {}).items():
                manifest[kind] |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            manifest["previous"] = previous
            path.write_bytes(canonical(manifest))
            previous = hashlib.sha256(path.read_bytes()).hexdigest()


def findings(maker, **options):
    check = LogCheck(maker.root, Options([Verifier.parse(maker.signer.vkey)], **options))
    return list(check.findings())


def named(found):
    """(problem, seq, last) of each finding."""
    return [(finding.problem, finding.seq, finding.last) for finding in found]


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
