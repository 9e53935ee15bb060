"""auditverify: verifies an exported audit log of Vault Portal. One file: Python's standard library and `cryptography`.

    python auditverify.py DIR --vkey KEY [--vkey KEY2] [--previous NOTE | --previous-dir OLDER] [--partial]
                              [--private-key PEM] [--json]
    python auditverify.py inclusion LINE PROOF --vkey KEY       one record is in the log
    python auditverify.py consistency PROOF --vkey KEY          one checkpoint continues another
    python auditverify.py rollover CERTIFICATE --vkey KEY       all consumers moved before an old version was retired

Exit status: 0 when all is good, 1 when there are findings, 2 for wrong arguments. Memory: that of one segment.
The format is described in docs/audit-log.md. The server's verification uses the functions of this file, so that both
have the same result. Hashing is RFC 6962 section 2.1; checkpoints are C2SP tlog-checkpoint in signed notes
(https://c2sp.org/signed-note), signed with ECDSA P-256 (type 0x02).
"""

import argparse
import base64
import bisect
import errno
import gc
import gzip
import hashlib
import io
import json
import os
import re
import stat
import sys
import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

from cryptography.exceptions import InvalidSignature, InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

EMPTY_ROOT = hashlib.sha256(b"").digest()
KINDS = ("manifests", "segments", "leaves")
# These limits bound memory, also for a decompression bomb: beyond _MOST_LINES a segment has as many lines as leaves.
_LONGEST_LINE, _MOST_EXTRA, _MOST_LINES = 1 << 20, 1000, 1 << 17
# Names, kinds and sizes of files are a stranger's choice. These limits are far above those of real exports.
_LARGEST_MANIFEST, _LARGEST_LEAVES, _LARGEST_SEGMENT, _LARGEST_TEXT = 1 << 16, 32 << 20, 1 << 31, 1 << 32
_LARGEST_ENCRYPTED = 1 << 29  # decrypted in memory
_DEEPEST = 8  # folders above a log
CERTIFICATE, EVIDENCE = "vault-portal/rollover-certificate/1", "vault-portal/evidence/1"
# What a disabled version of a key refuses.
USES_OF_KEYS = frozenset({"KeySign", "KeyVerify", "KeyEncrypt", "KeyDecrypt", "KeyWrap", "KeyUnwrap", "KeyRelease"})
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

    def grown(self, leaves: bytes) -> "Frontier":
        """Copy the frontier and add leaves."""
        other = Frontier(self.size, self.hashes)
        other.extend(leaves)
        return other

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
    """Return whether the leaf's hash is at `index` of the tree (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    roots = _climb(leaf, index, size - 1, proof)
    return roots is not None and roots[1] == root


def check_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Return whether the tree of `first` leaves is the beginning of that of `second` (RFC 9162 section 2.1.4.2)."""
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
    """Hash up to the root: once with the nodes to the left only, once with all."""
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
    """Encode a JSON value for hashing: sorted keys, no white space, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def commitment_of(salt: bytes, body: bytes) -> bytes:
    """The commitment to a record's body in its leaf, 32 bytes; the salt prevents guessing."""
    return hashlib.sha256(salt + body).digest()


def leaf_of(header: bytes, commitment: bytes, sealed_sha256: bytes, xid: int) -> bytes:
    """The leaf hash of a record, from its canonical header, its commitment, the SHA-256 of its sealed body, its xid."""
    return leaf_hash(hashlib.sha256(header).digest() + commitment + sealed_sha256 + xid.to_bytes(8, "big"))


class Line(NamedTuple):
    """The values of a line; the leaf is computed. A line that cannot be read has an empty leaf and seq -1."""

    leaf: bytes
    seq: int
    id: str
    log: str = ""
    writer: str = ""
    number: int = 0
    opened: bool = True  # False: the body did not open, and the line has its commitment instead


# Members in a fixed order, so that an invalid line costs no more than a valid one.
_HEADER = (
    rb'(\{"address":V,"at":V,"caller":V,"id":"([0-9a-f-]{0,64})","key":V,"log":"([0-9a-f-]{0,64})",'
    rb'"number":([1-9][0-9]{0,17}),"object":V,"operation":V,"phase":V,"request":V,"status":[0-9]{1,9},'
    rb'"writer":"([^"\\]{0,200})"\})'.replace(b":V,", rb':"[^"\\]*",')
)
_END = rb'"sealed":"([0-9a-f]{64})","seq":(0|[1-9][0-9]{0,17}),"xid":(0|[1-9][0-9]{0,17})\}\}\n'
_TAIL = re.compile(rb',"integrity":\{"header":' + _HEADER + rb',"salt":"([0-9a-f]{32})",' + _END)
_UNOPENED = re.compile(
    rb'\{"unreadable":true,"integrity":\{"commitment":"([0-9a-f]{64})","header":' + _HEADER + b"," + _END
)
_MANIFEST = re.compile(r"manifests/[0-9]{16}-[0-9]{16}\.json")
_ID = re.compile(rb'"integrity":\{"header":\{[^{}]*?"id":"([0-9a-f-]{36})"')


def export_line(*, body: bytes, header: bytes, salt: bytes, sealed_sha256: bytes, seq: int, xid: int) -> bytes:
    """Make a record's line, without newline: the canonical body with `integrity` as its last member."""
    rest = f'"salt":"{salt.hex()}","sealed":"{sealed_sha256.hex()}","seq":{seq},"xid":{xid}'
    return body[:-1] + b',"integrity":{"header":' + header + b"," + rest.encode() + b"}}"


def unopened_line(*, commitment: bytes, header: bytes, sealed_sha256: bytes, seq: int, xid: int) -> bytes:
    """Make the line, without newline, of a record whose body does not open: what its leaf is made of, and no body."""
    rest = f'"sealed":"{sealed_sha256.hex()}","seq":{seq},"xid":{xid}'
    start = f'{{"unreadable":true,"integrity":{{"commitment":"{commitment.hex()}","header":'
    return start.encode() + header + b"," + rest.encode() + b"}}"


def read_line(line: bytes) -> Line:
    """Read a line, which ends with a newline.

    The bytes are hashed and JSON is not parsed: a line has a single encoding, so that no byte can change without
    changing the leaf (or the order, for `seq`).
    """
    cut = line.rfind(b',"integrity":{"header":')
    match = _TAIL.fullmatch(line, cut) if cut > 0 else None
    if match is not None:
        header, id_, log, number, writer, salt, sealed, seq, xid = match.groups()
        commitment = commitment_of(bytes.fromhex(salt.decode()), line[:cut] + b"}")
    elif (match := _UNOPENED.fullmatch(line)) is not None:
        commitment, header, id_, log, number, writer, sealed, seq, xid = match.groups()
        commitment = bytes.fromhex(commitment.decode())
    else:
        id_match = _ID.search(line)
        return Line(b"", -1, id_match[1].decode() if id_match else "")
    leaf = leaf_of(header, commitment, bytes.fromhex(sealed.decode()), int(xid))
    id_, log, writer = (text.decode(errors="replace") for text in (id_, log, writer))
    return Line(leaf, int(seq), id_, log, writer, int(number), match.re is _TAIL)


# --- Checkpoints ---


class BadNote(Exception):
    """The note or the key is invalid."""


@dataclass(frozen=True)
class Verifier:
    """A checkpoint key, from its `vkey`: name+id+key (C2SP signed-note)."""

    name: str
    key_id: bytes
    key: ec.EllipticCurvePublicKey

    @classmethod
    def parse(cls, vkey: str) -> "Verifier":
        """Parse a verifier key. Raises `BadNote`."""
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
    """The content of a signed note: number of records and root of a log at a time."""

    origin: str
    size: int
    root: bytes
    at: str
    vault: str = ""  # "" before version 0.5: the name of the vault was not signed

    def text(self) -> str:
        """The text that is signed. Verifiers of 0.4 take the vault for a part of the time, and accept it."""
        vault = f" vault {self.vault}" if self.vault else ""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\nat {self.at}{vault}\n"


def key_id_of(spki: bytes) -> bytes:
    """The first four bytes of the SHA-256 of a public key (SubjectPublicKeyInfo, DER)."""
    return hashlib.sha256(spki).digest()[:4]


def vkey_of(name: str, spki: bytes) -> str:
    """Format a checkpoint key."""
    return f"{name}+{key_id_of(spki).hex()}+{base64.b64encode(bytes([_ECDSA]) + spki).decode()}"


def signed_note(text: str, name: str, spki: bytes, signature: bytes) -> str:
    """Make the note of a text and its signature (DER)."""
    return f"{text}\n\N{EM DASH} {name} {base64.b64encode(key_id_of(spki) + signature).decode()}\n"


def open_note(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Read a checkpoint that one of the keys has signed. Raises `BadNote`."""
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not note.endswith("\n"):
        raise BadNote("the checkpoint has no signature")
    text += "\n"
    if not any(signed_by(verifier, text, line) for verifier in verifiers for line in signatures.split("\n") if line):
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
    at, named, vault = lines[3].removeprefix("at ").partition(" vault ")
    if named and not vault:
        raise BadNote("the checkpoint's text is not as it must be")
    return Checkpoint(lines[0], size, root, at, vault)


def signed_by(verifier: Verifier, text: str, line: str) -> bool:
    """Return whether a line of signatures is that of the key over the text."""
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
    """Decode. Raises `ValueError`, also for unused bits in the last digit: a note has a single encoding."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not the one spelling of base64")
    return data


# --- Findings ---

Problem = Literal[
    "altered", "missing", "extra", "reordered", "gap", "checkpoint", "manifest", "unreadable", "rollback"
]  # what each means: docs/audit-log.md


@dataclass(frozen=True)
class Finding:
    """One problem: of the record `seq`, of all from `seq` to `last`, or (without `seq`) of an object."""

    log: str
    seq: int | None
    id: str
    problem: Problem
    sentence: str
    last: int | None = None


def compare(log: str, first: int, leaves: bytes, entries: Sequence[Line]) -> Iterator[Finding]:
    """Find problems of the lines of a segment whose leaves (32 bytes each, from record `first` on) are known."""
    if 32 * len(entries) != len(leaves) or b"".join([entry.leaf for entry in entries]) != leaves:
        yield from _differences(log, first, [leaves[at : at + 32] for at in range(0, len(leaves), 32)], entries)
        return
    for seq, entry in enumerate(entries, first):
        if entry.seq != seq:
            yield Finding(log, seq, entry.id, "altered", f"record {seq}: the line says that it is record {entry.seq}")
        if entry.log != log:
            yield _of_another_log(log, seq, entry)


def unopened(log: str, first: int, leaves: bytes, entries: Sequence[Line]) -> Iterator[Finding]:
    """Find the signed records of a segment whose bodies could not be exported: they did not open."""
    for entry in entries:
        at = 32 * (entry.seq - first)
        if not entry.opened and at >= 0 and leaves[at : at + 32] == entry.leaf:
            sentence = f"record {entry.seq} is the signed one, but its body did not open and was not exported"
            yield Finding(log, entry.seq, entry.id, "unreadable", sentence)


def _of_another_log(log: str, seq: int, entry: Line) -> Finding:
    return Finding(log, seq, entry.id, "extra", f"record {seq} is a record of the log {entry.log}, signed in this one")


def _differences(log: str, first: int, leaves: list[bytes], entries: Sequence[Line]) -> Iterator[Finding]:
    places = {leaf: place for place, leaf in enumerate(leaves)}
    places_of_lines = _once([places.get(entry.leaf) for entry in entries])
    lost = set(range(len(leaves))) - {place for place in places_of_lines if place is not None}
    order = [place for place in places_of_lines if place is not None]
    moved, before = _moved(order), -1
    for line, (entry, place) in enumerate(zip(entries, places_of_lines, strict=True), 1):
        seq, where = first + (place or 0), f"line {line}, id {entry.id or 'unknown'}"
        if place is None:
            # An unknown line is the altered record of its number, or of its position, if that record is missing.
            guessed = next((guess for guess in (entry.seq - first, before + 1) if guess in lost), None)
            if guessed is None:
                says = entry.seq if entry.seq >= 0 else None
                yield Finding(log, says, entry.id, "extra", f"{where}: the log has no such record")
            else:
                lost.discard(guessed)
                seq, before = first + guessed, guessed
                yield Finding(log, seq, entry.id, "altered", f"record {seq} ({where}) is not the signed one")
        elif place in moved:
            yield Finding(log, seq, entry.id, "reordered", f"record {seq} ({where}) is not at its place")
        elif entry.seq != seq:
            yield Finding(log, seq, entry.id, "altered", f"record {seq} ({where}) says that it is record {entry.seq}")
        if place is not None and entry.log != log:
            yield _of_another_log(log, seq, entry)
        before = before if place is None or place in moved else place
    for place in sorted(lost):
        yield Finding(log, first + place, "", "missing", f"record {first + place} is missing")


def _once(places: list[int | None]) -> list[int | None]:
    """Assign each place to one line: of two equal lines, to the one whose neighbours fit better."""
    best: dict[int, tuple[int, int]] = {}
    for line, place in enumerate(places):
        if place is not None:
            fits = (line > 0 and places[line - 1] == place - 1) + (places[line + 1 : line + 2] == [place + 1])
            best[place] = max(best.get(place, (-1, 0)), (fits, -line))
    return [None if place is None or best[place][1] != -line else place for line, place in enumerate(places)]


def _moved(order: list[int]) -> set[int]:
    """Find pairs that changed places, and the fewest other lines without which the rest is in order."""
    ranks = {place: rank for rank, place in enumerate(sorted(order))}
    moved = {place for at, place in enumerate(order) if ranks[order[ranks[place]]] == at != ranks[place]}
    rest = [place for place in order if place not in moved]
    tops: list[int] = []  # the smallest end of an ascending sequence of each length
    lengths: list[int] = []
    for place in rest:
        lengths.append(bisect.bisect_left(tops, place))
        tops[lengths[-1] : lengths[-1] + 1] = [place]
    want = len(tops) - 1
    for place, length in zip(reversed(rest), reversed(lengths), strict=True):
        if length == want:
            want -= 1
        else:
            moved.add(place)
    return moved


class WriterCheck:
    """Finds gaps in the writers' numbers of one log. Numbers may be slightly out of order."""

    def __init__(self, log: str, *, whole: bool = True) -> None:
        self.log = log
        self.whole = whole  # from record 0 on; otherwise a writer may begin with any number
        self._next: dict[str, tuple[int, int]] = {}  # writer -> next number, seq of the last one
        self._gaps: list[tuple[str, int, int, int, int, str]] = []  # writer, numbers from, to, seqs around, id
        self._lost: list[tuple[int, int]] = []
        self._repeated: list[Finding] = []

    def add(self, seq: int, id_: str, writer: str, number: int) -> None:
        """Add the next record of the log."""
        expected, before = self._next.get(writer, (1 if self.whole else number, -1))
        if number >= expected:
            if number > expected:
                self._gaps.append((writer, expected, number - 1, before, seq, id_))
            self._next[writer] = number + 1, seq
            return
        for at, (name, low, high, *around) in enumerate(self._gaps):
            if name == writer and low <= number <= high:
                parts = [(low, number - 1), (number + 1, high)]
                self._gaps[at : at + 1] = [(name, a, b, *around) for a, b in parts if a <= b]  # type: ignore[misc]
                return
        if self.whole:
            sentence = f"record {seq}: writer {writer} gave the number {number} twice"
            self._repeated.append(Finding(self.log, seq, id_, "extra", sentence))

    def lose(self, first: int, last: int) -> None:
        """Note missing or altered records, which explain gaps at their place."""
        if self._lost and self._lost[-1][1] + 1 == first:
            first = self._lost.pop()[0]
        self._lost.append((first, last))

    def findings(self) -> Iterator[Finding]:
        """The findings, after the last record."""
        yield from self._repeated
        for writer, low, high, before, seq, id_ in self._gaps:
            if high - low < sum(max(0, min(b, seq) - max(a, before) + 1) for a, b in self._lost):
                continue
            numbers = f"number {low} is" if low == high else f"numbers {low} to {high} are"
            sentence = f"before record {seq}: {numbers} missing of writer {writer}, deleted before they were signed"
            yield Finding(self.log, seq, id_, "gap", sentence)


# --- An export ---


def open_regular(path: Path, most: int) -> io.BufferedReader:
    """Open a file of at most `most` bytes, never a link, and without waiting for a pipe or a device.

    Raises `OSError`, also for what is no regular file or too large.
    """
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # those that the system has
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size <= most:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    raise OSError(errno.EFBIG, f"{status.st_size} bytes are more than it can have")


def read_regular(path: Path, most: int) -> bytes:
    """Read a file of at most `most` bytes. Raises as `open_regular`."""
    with open_regular(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:  # it has grown
        raise OSError(errno.EFBIG, "it is larger than it can be")
    return data


def is_folder(path: Path) -> bool:
    """Return whether this is a folder, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def _reason(error: BaseException) -> str:
    """Why a file could not be read, without its path."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "a link, which is not followed"
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def object_name(kind: str, first: int, last: int, *, encrypted: bool = False) -> str:
    """The name of an object below its log; `kind` is segments, leaves or manifests."""
    ending = {"segments": "ndjson.gz.enc" if encrypted else "ndjson.gz", "leaves": "bin", "manifests": "json"}[kind]
    return f"{kind}/{first:016d}-{last:016d}.{ending}"


def manifest_of(
    *,
    log: str,
    vault: str,
    first: int,
    last: int,
    encrypted: bool,
    segment: tuple[str, int],
    leaves: tuple[str, int],
    checkpoint: str,
    frontier: Sequence[str],
    start_checkpoint: str,
    previous: str,
) -> dict[str, Any]:
    """Make a manifest, to be encoded by `canonical`; `segment` and `leaves`: SHA-256 (hex) and bytes."""
    segment_name = object_name("segments", first, last, encrypted=encrypted)
    leaves_name = object_name("leaves", first, last)
    return {
        "version": 1,
        "log": log,
        "vault": vault,
        "first": first,
        "last": last,
        "records": last - first + 1,
        "segment": {"name": segment_name, "sha256": segment[0], "bytes": segment[1], "encrypted": encrypted},
        "leaves": {"name": leaves_name, "sha256": leaves[0], "bytes": leaves[1]},
        "checkpoint": checkpoint,
        "start": {"size": first, "frontier": list(frontier), "checkpoint": start_checkpoint},
        "previous": previous,
    }


def origin_of(log: str) -> str:
    """The first line of a log's checkpoints."""
    return f"vault-portal/{log}"


@dataclass(frozen=True)
class Options:
    """The options of a verification of an export."""

    verifiers: Sequence[Verifier]
    older: Sequence[Checkpoint] = ()
    partial: bool = False
    private_key: rsa.RSAPrivateKey | None = None


@dataclass(frozen=True)
class _Segment:
    """The three objects of a segment, as read from the export."""

    first: int
    last: int
    encrypted: bool
    manifest: bytes
    stated: dict[str, Any]  # empty: the manifest cannot be read
    leaves: bytes | None
    digest: tuple[str, int] | None  # SHA-256 and bytes

    def name(self, kind: str) -> str:
        return object_name(kind, self.first, self.last, encrypted=self.encrypted)


class LogCheck:
    """Verifies one log, segment by segment; the signed notes in its manifest make each segment verifiable alone."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder, self.options = folder, options
        self.log, self.vault = folder.resolve().name, folder.resolve().parent.name
        self.first, self.end, self.at = 0, 0, ""
        self.signed_names: set[str] = set()  # of the vault; checkpoints before version 0.5 have none
        self._refused: list[Finding] = []  # files that are not read
        kinds = [kind for kind in KINDS if is_folder(folder / kind)]
        names = [f"{kind}/{path.name}" for kind in kinds for path in sorted((folder / kind).iterdir())]
        spans = [(int(name[10:26]), int(name[27:43])) for name in names if _MANIFEST.fullmatch(name)]
        self._spans = sorted(((a, b) for a, b in spans if a <= b), key=lambda span: (span[0], -span[1]))
        self._unnamed = dict.fromkeys(names)  # objects that no manifest has named yet
        if self._spans and options.partial:
            self.first = self.end = self._spans[0][0]
        self._edge: Frontier | None = None if self.end else Frontier()  # of the records so far, if known
        self._unproven: int | None = None  # the first record after the last matching signed root
        self._previous: str | None = None if self.end else ""
        self._writers = WriterCheck(self.log, whole=self.end == 0)
        self._older = [older for older in options.older if older.origin == origin_of(self.log)]

    def findings(self) -> Iterator[Finding]:
        """All findings."""
        if not self._spans:
            yield self._about("missing", "there is no manifest")
        for first, last in self._spans:
            if first != self.end:
                self._edge = self._previous = None
            if first > self.end:
                self._writers.lose(self.end, first - 1)
                yield self._range("missing", self.end, first - 1, "their manifest is missing")
            elif first < self.end:
                yield self._about("extra", f"{object_name('manifests', first, last)} overlaps the one before it")
            yield from self._segment(first, last)
            self.end = max(self.end, last + 1)
        if self._unproven is not None:
            yield self._range("checkpoint", self._unproven, self.end - 1, "no signed root shows that they are right")
        for name in self._unnamed:
            yield self._about("extra", f"{name} belongs to no manifest")
        yield from self._names()
        yield from self._writers.findings()
        for older in self._older:
            stated = f"the checkpoint of {older.size} records of {older.at}"
            if older.size > self.end:
                yield self._about("rollback", f"the log ends after {self.end} records, before {stated}")
            else:
                yield self._about(
                    "rollback", f"the records that would show that the log continues {stated} are not good"
                )

    def _names(self) -> Iterator[Finding]:
        """Check the name of the vault, and that nothing leads out of the export."""
        for name in sorted(self.signed_names - {self.vault}):
            yield self._about("checkpoint", f"signed as the log of vault {name}; this export calls it {self.vault}")
        for kind in KINDS:
            if (self.folder / kind).is_symlink():
                yield self._about("extra", f"{kind} is a link, which is not followed")

    def _segment(self, first: int, last: int) -> Iterator[Finding]:
        segment = self._load(first, last)
        yield from self._refused
        self._refused = []
        fits = yield from self._manifest(segment)
        root = yield from self._root(segment)
        base = yield from self._base(segment)
        entries, reason = self._entries(segment)
        leaves = yield from self._proven(segment, base, root, b"".join([entry.leaf for entry in entries]), fits=fits)
        found: list[Finding] = []
        if leaves is not None and segment.digest is not None:
            found = list(compare(self.log, first, leaves[: 32 * len(entries)] if reason else leaves, entries))
            yield from found
            yield from unopened(self.log, first, leaves, entries)
        if reason and first + len(entries) <= last:
            yield self._range("unreadable", first + len(entries), last, f"{segment.name('segments')} {reason}")
        elif reason:
            yield self._about("unreadable", f"{segment.name('segments')} {reason}")
        self._count(segment, leaves, entries, good=not found and not reason)

    def _load(self, first: int, last: int) -> _Segment:
        plain, sealed = (object_name("segments", first, last, encrypted=encrypted) for encrypted in (False, True))
        encrypted = sealed in self._unnamed and plain not in self._unnamed
        manifest = self._bytes(object_name("manifests", first, last), _LARGEST_MANIFEST) or b""
        leaves = self._bytes(object_name("leaves", first, last), min(32 * (last - first + 1), _LARGEST_LEAVES) + 4096)
        try:
            stated = json.loads(manifest)
            canonical(stated)
        except (ValueError, RecursionError):
            stated = {}
        stated = stated if isinstance(stated, dict) else {}
        digest = self._digest(sealed if encrypted else plain, stated)
        segment = _Segment(first, last, encrypted, manifest, stated, leaves, digest)
        for kind in KINDS:
            self._unnamed.pop(segment.name(kind), None)
        return segment

    def _digest(self, name: str, stated: dict[str, Any]) -> tuple[str, int] | None:
        """SHA-256 and bytes; without the hash where the size is not the stated one. None: reported as missing."""
        entry = stated.get("segment")
        try:
            with open_regular(self.folder / name, _LARGEST_SEGMENT) as file:
                size = os.fstat(file.fileno()).st_size
                if isinstance(entry, dict) and entry.get("bytes") != size:
                    return "", size
                return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
        except OSError as error:
            self._refuse(name, error)
            return None

    def _bytes(self, name: str, most: int) -> bytes | None:
        try:
            return read_regular(self.folder / name, most)
        except (OSError, MemoryError) as error:
            self._refuse(name, error)
            return None

    def _refuse(self, name: str, error: BaseException) -> None:
        """Note why a file is not read; one that is not there is reported as missing."""
        if not isinstance(error, FileNotFoundError):
            self._refused.append(self._about("unreadable", f"{name} is not read ({_reason(error)})"))

    def _manifest(self, segment: _Segment) -> Generator[Finding, None, bool]:
        """Check a manifest. Return whether its entry of the leaves is right."""
        name, stated, leaves = segment.name("manifests"), segment.stated, segment.leaves
        expected = manifest_of(
            log=self.log,
            vault=self.vault,
            first=segment.first,
            last=segment.last,
            encrypted=segment.encrypted,
            segment=segment.digest or ("", 0),
            leaves=(hashlib.sha256(leaves or b"").hexdigest(), len(leaves or b"")),
            checkpoint=stated.get("checkpoint", ""),  # it and `start` are checked separately
            frontier=(),
            start_checkpoint="",
            previous=stated.get("previous", "") if self._previous is None else self._previous,
        )
        self._previous = hashlib.sha256(segment.manifest).hexdigest()
        if segment.first:
            expected["start"] = stated.get("start")
        if segment.digest is None:
            expected["segment"] = stated.get("segment")
            yield self._range("missing", segment.first, segment.last, f"{segment.name('segments')} is missing")
        if leaves is None:
            expected["leaves"] = stated.get("leaves")
            yield self._about("missing", f"{segment.name('leaves')} is missing")
        if not stated:
            yield self._about("manifest", f"{name} cannot be read")
            return False
        if segment.manifest != canonical(expected):
            wrong = [key for key in expected | stated if canonical(expected.get(key)) != canonical(stated.get(key, ""))]
            for key in wrong or ["spelling"]:
                if key in {"segment", "leaves"}:
                    where = segment.name("segments" if key == "segment" else key)
                    yield self._about("altered", f"{where} is not the file that {name} names")
                else:
                    yield self._about("manifest", f"{name}: its {key} is not what it must be")
        return canonical(expected["leaves"]) == canonical(stated.get("leaves"))

    def _root(self, segment: _Segment) -> Generator[Finding, None, bytes | None]:
        """Read the signed root at the end of a segment."""
        try:
            point = self._point(segment.stated.get("checkpoint"), segment.last + 1)
        except BadNote as error:
            if segment.stated:
                yield self._about("checkpoint", f"{segment.name('manifests')}: {error}")
            return None
        self.at = point.at
        return point.root

    def _base(self, segment: _Segment) -> Generator[Finding, None, Frontier | None]:
        """The frontier before the segment: the signed one of the manifest, or else that of the records before."""
        first = segment.first
        base = self._edge if self._edge and self._edge.size == first else None
        try:
            signed = self._start(segment.stated.get("start"), first)
        except BadNote as error:
            if segment.stated:
                yield self._about("checkpoint", f"{segment.name('manifests')}: its start: {error}")
            return base
        if base.root() != signed.root() if base else self._unproven is not None:
            since = first - 1 if self._unproven is None else self._unproven
            yield self._range("checkpoint", since, first - 1, "the root that is signed after them is another one")
        self._unproven = None
        return signed

    def _start(self, stated: Any, first: int) -> Frontier:
        if first == 0:
            return Frontier()
        try:
            edge = Frontier(first, [bytes.fromhex(text) for text in stated["frontier"]])
            expected = {
                "size": first,
                "frontier": [part.hex() for part in edge.hashes],
                "checkpoint": stated["checkpoint"],
            }
        except (ValueError, TypeError, KeyError) as error:
            raise BadNote("the frontier cannot be read") from error
        point = self._point(stated["checkpoint"], first)
        if canonical(stated) != canonical(expected) or {len(part) for part in edge.hashes} != {32}:
            raise BadNote("not spelled as it must be")
        if edge.root() != point.root:
            raise BadNote("the frontier does not give the signed root")
        return edge

    def _point(self, note: Any, size: int) -> Checkpoint:
        point = open_note(note if isinstance(note, str) else "", self.options.verifiers)
        if note.rpartition("\n\n")[2].count("\n") != 1:
            raise BadNote("the checkpoint has more than one signature")  # anyone could add others
        if (point.origin, point.size) != (origin_of(self.log), size):
            raise BadNote(f"the checkpoint is of {point.size} records of {point.origin}, not of {size} of this log")
        if point.vault:
            self.signed_names.add(point.vault)
        return point

    def _entries(self, segment: _Segment) -> tuple[list[Line], str]:
        """Read the readable lines. Return also why there are no more."""
        entries: list[Line] = []
        if segment.digest is None:
            return entries, ""
        path, name = self.folder / segment.name("segments"), segment.name("segments")
        most = min(segment.last - segment.first + 1, max(len(segment.leaves or b"") // 32, _MOST_LINES))
        try:
            with open_regular(path, _LARGEST_ENCRYPTED if segment.encrypted else _LARGEST_SEGMENT) as file:
                data = _decrypted(file, name, self.options.private_key) if segment.encrypted else file
                with gzip.open(data) as lines:
                    reader = io.BufferedReader(lines, 1 << 16)
                    pieces = _bounded(iter(partial(reader.readline, _LONGEST_LINE), b""))
                    entries.extend(map(read_line, islice(pieces, most + _MOST_EXTRA)))
                    if reader.read(1):
                        return entries, "goes on and on"
        except (OSError, EOFError, zlib.error, ValueError, InvalidTag, MemoryError) as error:
            return entries, f"cannot be read from here on ({_reason(error)})"
        return entries, ""

    def _proven(
        self, segment: _Segment, base: Frontier | None, root: bytes | None, lines: bytes, *, fits: bool
    ) -> Generator[Finding, None, bytes | None]:
        """Find the leaves to compare the lines with; advances the frontier."""
        first, last, count = segment.first, segment.last, 32 * (segment.last - segment.first + 1)
        choices = [leaves for leaves in (segment.leaves, lines) if leaves is not None and len(leaves) == count]
        self._edge = None
        if base is None or root is None:
            if choices and base:
                self._edge = base.grown(choices[0])
            self._unproven = first if self._unproven is None else self._unproven
            return choices[0] if choices else None
        for leaves in choices:
            edge = base.grown(leaves)
            if edge.root() == root:
                self._edge = edge
                if leaves is lines and segment.leaves is not None and fits:
                    yield self._about(
                        "altered", f"{segment.name('leaves')} does not give the signed root, the lines do"
                    )
                yield from self._link(base, leaves, last)
                return leaves
        if segment.digest is not None:  # otherwise they are missing
            yield self._range("checkpoint", first, last, "neither leaves nor lines give the signed root")
        return choices[0] if choices else None

    def _link(self, base: Frontier, leaves: bytes, last: int) -> Iterator[Finding]:
        """Check that the log continues older checkpoints."""
        for older in [older for older in self._older if base.size <= older.size <= last + 1]:
            self._older.remove(older)
            if base.grown(leaves[: 32 * (older.size - base.size)]).root() != older.root:
                sentence = f"the first {older.size} records are not those of the checkpoint of {older.at}"
                yield self._about("rollback", sentence)

    def _count(self, segment: _Segment, leaves: bytes | None, entries: list[Line], *, good: bool) -> None:
        """Add the writers' numbers of the good records."""
        if segment.first < self.end:
            return  # counted already
        if leaves is None or self._edge is None or not entries:
            self._writers.lose(segment.first, segment.last)
            return
        right = {} if good else {entry.leaf: entry for entry in entries}
        for seq in range(segment.first, segment.last + 1):
            at = seq - segment.first
            entry = entries[at] if good else right.get(leaves[32 * at : 32 * at + 32])
            if entry is None:
                self._writers.lose(seq, seq)
            else:
                self._writers.add(seq, entry.id, entry.writer, entry.number)

    def _about(self, problem: Problem, sentence: str) -> Finding:
        return Finding(self.log, None, "", problem, sentence)

    def _range(self, problem: Problem, first: int, last: int, why: str) -> Finding:
        return Finding(self.log, first, "", problem, f"records {first} to {last}: {why}", last)


def _bounded(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a segment, up to the size that none has: a bomb of a few megabytes has terabytes in it."""
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > _LARGEST_TEXT:
            return
        yield piece


def _decrypted(file: io.BufferedReader, name: str, private_key: rsa.RSAPrivateKey | None) -> io.BytesIO:
    if private_key is None:
        raise ValueError("encrypted; --private-key is needed")
    mark, keys, sealed = file.read().split(b"\n", 2)
    if mark != b"VPSEG1":
        raise ValueError("not an encrypted segment")
    try:
        key, nonce = (_unbase64(json.loads(keys)[part]) for part in ("key", "nonce"))
    except (KeyError, TypeError) as error:
        raise ValueError("not an encrypted segment") from error
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    return io.BytesIO(AESGCM(private_key.decrypt(key, oaep)).decrypt(nonce, sealed, name.encode()))


def log_folders(directory: Path, refused: list[Path] | None = None, depth: int = 0) -> Iterator[Path]:
    """Find the logs of an export in the order of their names: folders with manifests, segments or leaves.

    `refused` receives folders that are not entered: links, which may lead anywhere, and those that are too deep.
    """
    if any(is_folder(directory / kind) for kind in KINDS):
        yield directory
        return
    for path in sorted(directory.iterdir()):
        try:
            if not path.is_dir():
                continue
            if not path.is_symlink() and depth < _DEEPEST:
                yield from log_folders(path, refused, depth + 1)
                continue
        except OSError:  # no permission
            pass
        if refused is not None:
            refused.append(path)


def newest_checkpoint(folder: Path, verifiers: Sequence[Verifier]) -> Checkpoint | None:
    """Find the newest signed checkpoint of a log in an older export."""
    for path in sorted((folder / "manifests").glob("*.json"), reverse=True):
        try:
            return open_note(json.loads(read_regular(path, _LARGEST_MANIFEST))["checkpoint"], verifiers)
        except (BadNote, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return None


# --- The command ---


def _export(arguments: argparse.Namespace, verifiers: Sequence[Verifier]) -> tuple[list[Finding], list[str]]:
    older = [open_note(_argument(path, _LARGEST_MANIFEST).decode("utf-8"), verifiers) for path in arguments.previous]
    for folder in log_folders(arguments.previous_dir) if arguments.previous_dir else ():
        point = newest_checkpoint(folder, verifiers)
        if point is None:
            raise BadNote(f"{folder} has no checkpoint that is signed by the given key")
        older.append(point)
    pem = arguments.private_key
    key = serialization.load_pem_private_key(_argument(pem, _LARGEST_MANIFEST), None) if pem else None
    if not isinstance(key, rsa.RSAPrivateKey | None):
        raise BadNote("the private key is not an RSA key")
    options = Options(verifiers, older, arguments.partial, key)
    findings, lines, logs, refused = list[Finding](), list[str](), set[str](), list[Path]()
    for folder in log_folders(arguments.directory, refused):
        if folder.resolve().name in logs:
            findings.append(Finding(folder.name, None, "", "extra", f"{folder}: this log is there twice"))
        logs.add(folder.resolve().name)
        found, line = _check_log(folder, options)
        findings += found
        lines.append(line)
    for path in refused:
        findings.append(Finding("", None, "", "extra", f"{path} is not entered: a link, too deep, or closed"))
    for origin in sorted({point.origin for point in older} - {origin_of(log) for log in logs}):
        findings.append(Finding(origin.partition("/")[2], None, "", "rollback", "the log is not in the export"))
    if not logs:
        findings.append(Finding("", None, "", "missing", f"{arguments.directory} holds no log"))
    return findings, lines


def _check_log(folder: Path, options: Options) -> tuple[list[Finding], str]:
    """Verify one log: its findings, and its line. What breaks it off is a finding; other logs are still verified."""
    findings, name = list[Finding](), folder.resolve().name
    try:
        check = LogCheck(folder, options)
        findings.extend(check.findings())
    except Exception as error:  # noqa: BLE001  the export is a stranger's: nothing in it may end the verification
        sentence = f"{folder.name}: the verification of this log broke off ({type(error).__name__}: {_reason(error)})"
        findings.append(Finding(name, None, "", "unreadable", sentence))
        return findings, f"{folder.resolve().parent.name}/{name}: {len(findings)} findings"
    if not check.signed_names and not findings:
        sys.stderr.write(
            f"note: {_printable(check.vault)} is the name that this export gives to the log {_printable(check.log)}. "
            "Its checkpoints, of a version before 0.5, do not confirm it.\n"
        )
    verdict = f"{len(findings)} findings" if findings else "good"
    return findings, f"{check.vault}/{check.log}: records {check.first} to {check.end - 1}, {check.at}: {verdict}"


# --- Rollover certificates (docs/rollover.md) ---


def check_certificate(document: Any, verifiers: Sequence[Verifier]) -> Iterator[str]:
    """Yield what is wrong with a rollover certificate: {"certificate": text, "signature": note}.

    The signature covers the text, and the text has the records that it counts, each with its inclusion proof. Raises
    `BadNote`, and `ValueError`, `KeyError` or `TypeError` for what is no certificate.
    """
    text = str(document["certificate"])
    _check_evidence_note(str(document["signature"]), text, verifiers)
    stated = json.loads(text)
    if stated["type"] != CERTIFICATE or canonical(stated) != text.encode():
        raise ValueError("this is no rollover certificate")
    point = open_note(stated["checkpoint"], verifiers)
    if point.origin != origin_of(stated["log"]):
        yield "the checkpoint is of another log"
    records: dict[int, dict[str, Any]] = {}
    for item in stated["records"]:
        line = str(item["line"]).encode() + b"\n"
        entry, path = read_line(line), [bytes.fromhex(part) for part in item["proof"]]
        if entry.log != stated["log"] or not check_inclusion(entry.leaf, entry.seq, point.size, path, point.root):
            yield f"record {entry.seq} is not in the log of the checkpoint"
        records[entry.seq] = json.loads(line)
    yield from _check_rollover(stated, records)


def _check_evidence_note(note: str, text: str, verifiers: Sequence[Verifier]) -> None:
    """Raise `BadNote` unless the note signs the SHA-256 of the text."""
    signed, separator, signatures = note.rpartition("\n\n")
    if not separator or signed != f"{EVIDENCE}\nsha256 {hashlib.sha256(text.encode()).hexdigest()}":
        raise BadNote("the signature is of another text")
    if not any(signed_by(verifier, f"{signed}\n", line) for verifier in verifiers for line in signatures.splitlines()):
        raise BadNote("the certificate is not signed by the given key")


def _check_rollover(stated: dict[str, Any], records: dict[int, dict[str, Any]]) -> Iterator[str]:
    old, new = (f"keys/{stated['key']}/{stated[name]}" for name in ("old_version", "new_version"))
    announced, retired = records[stated["announced"]], records[stated["retired"]]
    for record, operation, place in ((announced, "RolloverAnnounce", new), (retired, "RolloverRetire", old)):
        found = record["properties"]
        if record["operationName"] != operation or found["id"] != place or found["rollover"] != stated["rollover"]:
            yield f"the record of {operation} is of something else"
    if announced["properties"]["replaces"] != stated["old_version"]:
        yield "the announcement is of another old version"
    if retired["properties"]["overridden"] is not False:
        yield "the old version was retired by an override"
    for consumer in stated["consumers"]:
        name = f"the consumer {consumer['caller']}"
        last = records[consumer["last"]]
        if not _is_by(last, consumer["caller"], old) or last["operationName"] not in USES_OF_KEYS:
            yield f"the last use of {name} is of something else"
        elif not _has_moved(consumer, records, new, announced, retired):
            yield f"{name} had not moved when the old version was retired"


def _has_moved(
    consumer: dict[str, Any],
    records: dict[int, dict[str, Any]],
    new: str,
    announced: dict[str, Any],
    retired: dict[str, Any],
) -> bool:
    """Whether it acknowledged the new version after its last use of the old one, or was silent for the days.

    No day of silence says nothing about a consumer.
    """
    last = _moment(records[consumer["last"]])
    if consumer["acknowledged"] is None:
        quiet = timedelta(days=announced["properties"]["quiet_days"])
        return quiet > timedelta(0) and max(last, _moment(announced)) + quiet <= _moment(retired)
    record = records[consumer["acknowledged"]]
    is_its = record["operationName"] == "KeyAcknowledge" and _is_by(record, consumer["caller"], new)
    return is_its and last < _moment(record) <= _moment(retired)


def _is_by(record: dict[str, Any], caller: str, place: str) -> bool:
    """Whether a successful call at this version is by this caller."""
    claims, found = record["identity"]["claim"], record["properties"]
    callers = {value for claim, value in claims.items() if not claim.endswith("objectidentifier")}
    return (
        callers == {caller} and found["id"] == place and found["httpStatusCode"] < 400 and found["phase"] == "outcome"
    )


def _moment(record: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(record["time"])


def _certificate(arguments: argparse.Namespace, verifiers: Sequence[Verifier]) -> tuple[list[Finding], list[str]]:
    document = json.loads(_argument(arguments.certificate, _LARGEST_LEAVES))
    problems = list(check_certificate(document, verifiers))
    stated = json.loads(document["certificate"])
    good = "every" if not problems else "NOT every"
    text = (
        f"{good} one of the {len(stated['consumers'])} consumers of {stated['vault']}/keys/{stated['key']}/"
        f"{stated['old_version']} moved before it was retired"
    )
    return [Finding(stated["log"], None, "", "altered", problem) for problem in problems], [text]


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _argument(path: Path, most: int) -> bytes:
    """Read a file that the caller names, which may be a pipe. Raises `OSError`."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"{path} is larger than it can be")
    return data


def _proof(arguments: argparse.Namespace, verifiers: Sequence[Verifier]) -> tuple[list[Finding], list[str]]:
    proof = json.loads(_argument(arguments.proof, _LARGEST_MANIFEST))
    path = [bytes.fromhex(part) for part in proof["proof"]]
    if arguments.what == "inclusion":
        entry = read_line(_argument(arguments.line, _LONGEST_LINE).rstrip(b"\n") + b"\n")
        seq, point = proof["seq"], open_note(proof["checkpoint"], verifiers)
        good = point.origin == origin_of(entry.log) and entry.seq == seq
        good = good and check_inclusion(entry.leaf, seq, point.size, path, point.root)
        stated = f"record {seq} (id {entry.id}) is {'' if good else 'not '}among the {point.size} records of {point.at}"
        return [] if good else [Finding(entry.log, entry.seq, entry.id, "altered", stated)], [stated]
    old, new = (open_note(proof[name], verifiers) for name in ("first", "second"))
    good = old.origin == new.origin and check_consistency(old.size, new.size, path, old.root, new.root)
    stated = f"the {new.size} records of {new.at} {'' if good else 'do not '}continue the {old.size} of {old.at}"
    return [] if good else [Finding(new.origin.partition("/")[2], None, "", "rollback", stated)], [stated]


def main(words: Sequence[str]) -> int:
    """Run the command. Return its exit status."""
    parser = argparse.ArgumentParser(prog="auditverify", description="Verifies an exported audit log of Vault Portal.")
    what = words[0] if words and words[0] in {"inclusion", "consistency", "rollover"} else "export"
    if what == "export":
        parser.add_argument("directory", type=Path)
        parser.add_argument("--previous", type=Path, action="append", default=[], help="an older checkpoint (file)")
        parser.add_argument("--previous-dir", type=Path, help="an older export")
        parser.add_argument("--partial", action="store_true", help="the oldest segments may have been removed")
        parser.add_argument("--private-key", type=Path, help="for encrypted segments (PEM)")
    elif what == "rollover":
        parser.add_argument("certificate", type=Path)
    else:
        if what == "inclusion":
            parser.add_argument("line", type=Path)
        parser.add_argument("proof", type=Path)
    parser.add_argument("--vkey", action="append", required=True, help="the checkpoint key: name+id+base64")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words[what != "export" :], argparse.Namespace(what=what))
    try:
        verifiers = [Verifier.parse(vkey) for vkey in arguments.vkey]
        verify = {"export": _export, "rollover": _certificate}.get(what, _proof)
        findings, lines = verify(arguments, verifiers)
    except (BadNote, OSError, ValueError, KeyError, TypeError, UnsupportedAlgorithm) as error:
        parser.error(f"{type(error).__name__}: {error}")
    except Exception as error:  # noqa: BLE001  not foreseen: the files are a stranger's, and a traceback is no verdict
        lines = ["the verification broke off"]
        findings = [Finding("", None, "", "unreadable", f"{lines[0]} ({type(error).__name__}: {_reason(error)})")]
    if arguments.json:
        answer = {"good": not findings, "findings": [asdict(finding) for finding in findings], "logs": lines}
        sys.stdout.write(json.dumps(answer, indent=1) + "\n")
    else:
        texts = [f"{finding.problem:10} {finding.log} {finding.sentence}" for finding in findings] + lines
        for text in texts:
            sys.stdout.write(_printable(text) + "\n")
    return 1 if findings else 0


if __name__ == "__main__":
    gc.disable()  # there are no reference cycles, and many records
    sys.exit(main(sys.argv[1:]))
