"""auditverify: checks an exported usage log of Vault Portal. One file: Python's standard library and `cryptography`.

    python auditverify.py DIR --vkey KEY

The format is described in docs/audit-log.md. The server's own check uses the functions of this file, so that both
give the same answer. Hashing is RFC 6962 section 2.1; checkpoints are C2SP tlog-checkpoint in signed notes
(https://c2sp.org/signed-note), signed with ECDSA P-256 (type 0x02).
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
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
    here, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            node = node_hash(step, node)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            node = node_hash(node, step)
        here, last = here >> 1, last >> 1
    return last == 0 and node == root


def check_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Whether the tree of `first` leaves is the beginning of that of `second` (RFC 9162 section 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    if first > second:
        return False
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new = node_hash(new, step)
        here, last = here >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


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
            data = base64.b64decode(encoded, validate=True)
            if data[0] != _ECDSA:
                raise BadNote("the key is not of type ECDSA P-256 (0x02)")
            key = serialization.load_der_public_key(data[1:])
        except (ValueError, IndexError, binascii.Error) as error:
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
    if not separator:
        raise BadNote("the checkpoint has no signature")
    text += "\n"
    if not any(_signed_by(verifier, text, line) for verifier in verifiers for line in signatures.split("\n") if line):
        raise BadNote("the checkpoint is not signed by the given key")
    lines = text.split("\n")
    if len(lines) != 5 or not lines[3].startswith("at "):
        raise BadNote("the checkpoint's text is not as it must be")
    try:
        size, root = int(lines[1]), base64.b64decode(lines[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadNote("the checkpoint's size or root cannot be read") from error
    if size < 0 or len(root) != 32 or str(size) != lines[1]:
        raise BadNote("the checkpoint's size or root cannot be read")
    return Checkpoint(lines[0], size, root, lines[3].removeprefix("at "))


def _signed_by(verifier: Verifier, text: str, line: str) -> bool:
    prefix = f"\N{EM DASH} {verifier.name} "
    if not line.startswith(prefix):
        return False
    try:
        data = base64.b64decode(line.removeprefix(prefix), validate=True)
        if data[:4] != verifier.key_id:
            return False
        verifier.key.verify(data[4:], text.encode(), ec.ECDSA(hashes.SHA256()))
    except (binascii.Error, InvalidSignature):
        return False
    return True
