"""auditverify: checks an exported usage log of Vault Portal. One file: Python's standard library and `cryptography`.

    python auditverify.py DIR --vkey KEY [--vkey KEY2] [--previous NOTE | --previous-dir OLDER] [--partial]
                              [--private-key PEM] [--json]
    python auditverify.py inclusion LINE PROOF --vkey KEY       one record is in the log
    python auditverify.py consistency PROOF --vkey KEY          one checkpoint continues another

Ends with 0 when all is good, 1 when something is wrong, 2 when it was called wrongly. Memory: one segment's.
The format is described in docs/audit-log.md. The server's own check uses the functions of this file, so that both
give the same answer. Hashing is RFC 6962 section 2.1; checkpoints are C2SP tlog-checkpoint in signed notes
(https://c2sp.org/signed-note), signed with ECDSA P-256 (type 0x02).
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

EMPTY_ROOT = hashlib.sha256(b"").digest()
_ECDSA = 2  # C2SP signed-note, signature type


# --- The Merkle tree (RFC 6962 section 2.1) ---


def leaf_hash(content: bytes) -> bytes:
    """The hash of one leaf, 32 bytes."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def subtree_root(level: bytes) -> bytes:
    """The root of a complete subtree from its 2^k hashes, 32 bytes each, one after the other."""
    while len(level) > 32:
        level = b"".join([hashlib.sha256(b"\x01" + level[at : at + 64]).digest() for at in range(0, len(level), 64)])
    return level


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first, one per set bit of size."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} subtrees at its edge")

    def append(self, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Add a leaf's hash. Yields each subtree that it completes: (height, index at that height, hash)."""
        node, height, left = leaf, 0, self.size
        while left & 1:
            node = node_hash(self.hashes.pop(), node)
            height, left = height + 1, left >> 1
            yield height, left, node
        self.hashes.append(node)
        self.size += 1

    def add(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        for _ in self.append(leaf):
            pass

    def extend(self, leaves: bytes) -> None:
        """Add many leaf hashes, 32 bytes each, one after the other: four times as fast as `add`."""
        at, count = 0, len(leaves) // 32
        while at < count:
            height = (count - at).bit_length() - 1
            if self.size:
                height = min(height, (self.size & -self.size).bit_length() - 1)
            node = subtree_root(leaves[32 * at : 32 * (at + (1 << height))])
            left = self.size >> height
            while left & 1:
                node, left = node_hash(self.hashes.pop(), node), left >> 1
            self.hashes.append(node)
            self.size, at = self.size + (1 << height), at + (1 << height)

    def root(self) -> bytes:
        """The root of the tree as it is now, 32 bytes."""
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return node


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the leaf's hash is at `index` of the tree (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    roots = _climb(leaf, index, size - 1, proof)
    return roots is not None and roots[1] == root


def check_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Whether the tree of `first` leaves is the beginning of that of `second` (RFC 9162 section 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not 0 < first < second or not path:
        return False
    complete = (first & -first).bit_length() - 1  # the height of the last complete subtree, where the path begins
    return _climb(path[0], (first - 1) >> complete, (second - 1) >> complete, path[1:]) == (first_root, second_root)


def _climb(node: bytes, here: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Hash up to the root: once with what lies left of the path alone, once with everything."""
    old = new = node
    for step in steps:
        if last == 0:
            return None
        if here & 1 or here == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, step)
        here, last = here >> 1, last >> 1
    return None if last else (old, new)


# --- Records ---


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value that is hashed: keys sorted, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def commitment_of(salt: bytes, body: bytes) -> bytes:
    """What stands for a record's body in its leaf, 32 bytes; the salt keeps it from being guessed."""
    return hashlib.sha256(salt + body).digest()


def leaf_of(header: bytes, commitment: bytes, sealed_sha256: bytes, xid: int) -> bytes:
    """The leaf hash of a record, from its canonical header, its commitment, the SHA-256 of its sealed body, its xid."""
    return leaf_hash(hashlib.sha256(header).digest() + commitment + sealed_sha256 + xid.to_bytes(8, "big"))


class Entry(NamedTuple):
    """What a line says of its record; the leaf is computed. A line that cannot be read has an empty leaf, seq -1."""

    leaf: bytes
    seq: int
    id: str
    log: str = ""
    writer: str = ""
    number: int = 0


_TAIL = re.compile(
    rb',"integrity":\{"header":(\{[^{}]*?"id":"([^"]*)"[^{}]*?"log":"([^"]*)"[^{}]*?"number":([1-9][0-9]{0,17})[^{}]*?'
    rb'"writer":"([^"]*)"[^{}]*\}),"salt":"([0-9a-f]{32})","sealed":"([0-9a-f]{64})",'
    rb'"seq":(0|[1-9][0-9]{0,17}),"xid":(0|[1-9][0-9]{0,17})\}\}\n'
)
_ID = re.compile(rb'"integrity":\{"header":\{[^{}]*?"id":"([0-9a-f-]{36})"')


def export_line(*, body: bytes, header: bytes, salt: bytes, sealed_sha256: bytes, seq: int, xid: int) -> bytes:
    """A record's line, without its newline: the canonical body with the member `integrity` as its last."""
    proof = b'"salt":"%b","sealed":"%b","seq":%d,"xid":%d' % (
        salt.hex().encode(),
        sealed_sha256.hex().encode(),
        seq,
        xid,
    )
    return b'%b,"integrity":{"header":%b,%b}}' % (body[:-1], header, proof)


def read_line(line: bytes) -> Entry:
    """The record of a line, which ends with a newline.

    The bytes are hashed as they stand and JSON is not parsed: a line has one spelling alone, so that there is no byte
    that could change without the leaf (or the order, for `seq`).
    """
    cut = line.rfind(b',"integrity":{"header":')
    match = _TAIL.fullmatch(line, cut) if cut > 0 else None
    if match is None:
        found = _ID.search(line)
        return Entry(b"", -1, found[1].decode() if found else "")
    header, id_, log, number, writer, salt, sealed, seq, xid = match.groups()
    commitment = commitment_of(bytes.fromhex(salt.decode()), line[:cut] + b"}")
    leaf = leaf_of(header, commitment, bytes.fromhex(sealed.decode()), int(xid))
    id_, log, writer = (text.decode(errors="replace") for text in (id_, log, writer))
    return Entry(leaf, int(seq), id_, log, writer, int(number))


# --- Checkpoints ---


class BadNote(Exception):
    """The note, or the key, is not what it must be."""


@dataclass(frozen=True)
class Verifier:
    """A checkpoint key, from its `vkey`: name+id+key (C2SP signed-note)."""

    name: str
    key_id: bytes
    key: ec.EllipticCurvePublicKey

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Raises `BadNote`."""
        try:
            name, key_id, encoded = vkey.strip().split("+", 2)
            data = _unbase64(encoded)
            if data[0] != _ECDSA:
                raise BadNote("the key is not of type ECDSA P-256 (0x02)")
            key = serialization.load_der_public_key(data[1:])
        except (ValueError, IndexError, UnsupportedAlgorithm) as error:
            raise BadNote("not a verifier key: name+id+base64 expected") from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise BadNote("the key is not on P-256")
        if key_id_of(data[1:]).hex() != key_id:
            raise BadNote("the key's id does not fit the key")
        return cls(name, key_id_of(data[1:]), key)


@dataclass(frozen=True)
class Checkpoint:
    """What a signed note says: this log had so many records, with this root, at this time."""

    origin: str
    size: int
    root: bytes
    at: str

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\nat {self.at}\n"


def key_id_of(spki: bytes) -> bytes:
    """The first four bytes of the SHA-256 of a public key (SubjectPublicKeyInfo, DER)."""
    return hashlib.sha256(spki).digest()[:4]


def vkey_of(name: str, spki: bytes) -> str:
    """The line by which people hand on a checkpoint key."""
    return f"{name}+{key_id_of(spki).hex()}+{base64.b64encode(bytes([_ECDSA]) + spki).decode()}"


def signed_note(text: str, name: str, spki: bytes, signature: bytes) -> str:
    """The note of a text and its signature (DER)."""
    return f"{text}\n\N{EM DASH} {name} {base64.b64encode(key_id_of(spki) + signature).decode()}\n"


def open_note(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint, if one of the keys has signed it. Raises `BadNote`."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not note.endswith("\n"):
        raise BadNote("the checkpoint has no signature")
    text += "\n"
    if not any(_signed_by(verifier, text, line) for verifier in verifiers for line in signatures.split("\n") if line):
        raise BadNote("the checkpoint is not signed by the given key")
    lines = text.split("\n")
    if len(lines) != 5 or not lines[3].startswith("at "):
        raise BadNote("the checkpoint's text is not as it must be")
    try:
        size, root = int(lines[1]), _unbase64(lines[2])
    except ValueError as error:
        raise BadNote("the checkpoint's size or root cannot be read") from error
    if size < 0 or len(root) != 32 or str(size) != lines[1]:
        raise BadNote("the checkpoint's size or root cannot be read")
    return Checkpoint(lines[0], size, root, lines[3].removeprefix("at "))


def _signed_by(verifier: Verifier, text: str, line: str) -> bool:
    prefix = f"\N{EM DASH} {verifier.name} "
    if not line.startswith(prefix):
        return False
    try:
        data = _unbase64(line.removeprefix(prefix))
        if data[:4] != verifier.key_id:
            return False
        verifier.key.verify(data[4:], text.encode(), ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _unbase64(text: str) -> bytes:
    """Raises `ValueError`, also when the last digit has bits that say nothing: a note has one spelling alone."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not the one spelling of base64")
    return data
