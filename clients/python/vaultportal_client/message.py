"""The cryptography of one message: keys derived from the data key, and AES-256-GCM over its segments.

Each message has a key of its own. The KDF in counter mode of NIST SP 800-108r1 (section 4.1, with HMAC-SHA-512) derives
it from the data key, the message's id and the caller's context, together with a commitment to all three. Within a
message the nonce is the segment's number and whether it is the last: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár,
CRYPTO 2015). Why, and the limits: docs/decisions/0040-client-library.md.
"""

import hmac
import os
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaultportal_client.errors import MessageTooLarge, TamperedCiphertext
from vaultportal_client.secret_bytes import SecretBytes
from vaultportal_client.wire_format import COMMITMENT_BYTES, ID_BYTES, TAG_BYTES

KEY_BYTES = 32
SEGMENT = 64 * 1024  # bytes of content in each segment but the last
MOST_SEGMENTS = 2**20
_SEALED_SEGMENT = SEGMENT + 16
_RANDOM_BYTES = 16
_START = ID_BYTES + COMMITMENT_BYTES
# Input of the KDF: counter, label, 0x00, context, length of the output in bits. One block of HMAC is enough for both.
_HEADER, _HEADER_END = b"\0\0\0\x01vaultportal-client 1 header\0", (8 * TAG_BYTES).to_bytes(4, "big")
_MESSAGE, _MESSAGE_END = b"\0\0\0\x01vaultportal-client 1 message\0", (512).to_bytes(4, "big")
_ONLY_SEGMENT = bytes(11) + b"\x01"
_TAMPERED = "The ciphertext, or the context given for it, is not what was encrypted."


class DataKey:
    """A data key: authenticates headers, and encrypts and decrypts messages. Safe to use from several threads.

    Of the key only the state of HMAC-SHA-512 is kept. Python cannot show it.
    """

    __slots__ = ("_mac",)

    def __init__(self, secret: SecretBytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError("A data key has 32 bytes.")
        self._mac = hmac.new(secret.reveal(), digestmod="sha512")

    def __repr__(self) -> str:
        return "<data key>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Data keys are not pickled or copied.")

    def header_tag(self, covered: bytes) -> bytes:
        """Compute the tag of a header. It also commits to this data key."""
        return self._derive(_HEADER + covered + _HEADER_END)[:TAG_BYTES]

    def verify_header(self, covered: bytes, tag: bytes) -> None:
        """Check a header. Raises `TamperedCiphertext`."""
        if not hmac.compare_digest(self.header_tag(covered), tag):
            raise TamperedCiphertext(_TAMPERED)

    def encrypt(self, header: bytes, number: int, content: bytes, context: bytes) -> bytes:
        """Encrypt a message. `number`: never used before with this data key in this process."""
        message_id = _new_id(number)
        cipher, commitment = self._message_keys(message_id, context)
        if len(content) <= SEGMENT:
            return b"".join((header, message_id, commitment, cipher.encrypt(_ONLY_SEGMENT, content, None)))
        return b"".join((header, message_id, commitment, *_encrypt_segments(cipher, _slices(content, SEGMENT))))

    def encrypt_stream(self, header: bytes, number: int, source: BinaryIO, context: bytes) -> Iterator[bytes]:
        """As `encrypt`, in pieces, with the memory of two segments."""
        message_id = _new_id(number)
        cipher, commitment = self._message_keys(message_id, context)
        yield b"".join((header, message_id, commitment))
        yield from _encrypt_segments(cipher, _reads(source, SEGMENT))

    def decrypt(self, body: memoryview, context: bytes) -> bytes:
        """Decrypt what follows the header. Raises `TamperedCiphertext`."""
        cipher = self._verified_cipher(bytes(body[:_START]), context)
        sealed = body[_START:]
        if len(sealed) <= _SEALED_SEGMENT:
            return _decrypt_segment(cipher, _ONLY_SEGMENT, sealed)
        return b"".join(_decrypt_segments(cipher, _slices(sealed, _SEALED_SEGMENT)))

    def decrypt_stream(self, source: BinaryIO, context: bytes) -> Iterator[bytes]:
        """As `decrypt`, in pieces. Each piece is authentic; that none is missing is known after the last."""
        cipher = self._verified_cipher(_read_fully(source, _START), context)
        yield from _decrypt_segments(cipher, _reads(source, _SEALED_SEGMENT))

    def _verified_cipher(self, start: bytes, context: bytes) -> AESGCM:
        cipher, commitment = self._message_keys(start[:ID_BYTES], context)
        if not hmac.compare_digest(commitment, start[ID_BYTES:]):
            raise TamperedCiphertext(_TAMPERED)
        return cipher

    def _message_keys(self, message_id: bytes, context: bytes) -> tuple[AESGCM, bytes]:
        """The message's cipher, and the commitment. Nothing in here raises after the key is derived."""
        derived = self._derive(_MESSAGE + message_id + context + _MESSAGE_END)
        return AESGCM(derived[:KEY_BYTES]), derived[KEY_BYTES:]

    def _derive(self, fixed_input: bytes) -> bytes:
        """The first block of the KDF: HMAC-SHA-512 of its input under the data key."""
        block = self._mac.copy()
        block.update(fixed_input)
        return block.digest()


def require_bytes(content: bytes, context: bytes) -> None:
    """Raise `TypeError` unless both are bytes, before any key is derived."""
    if not (isinstance(content, bytes) and isinstance(context, bytes)):
        wrong = context if isinstance(content, bytes) else content
        raise TypeError(f"Content and context are bytes, not {type(wrong).__name__}.")


def _new_id(number: int) -> bytes:
    """Unique by the number; and by chance (16 bytes) where a process was copied with its data key: fork, snapshot."""
    return os.urandom(_RANDOM_BYTES) + number.to_bytes(8, "big")


def _nonce(index: int, *, last: bool) -> bytes:
    if index >= MOST_SEGMENTS:
        raise MessageTooLarge("A message has at most 64 GiB.")
    return index.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def _encrypt_segments(cipher: AESGCM, pieces: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    for index, piece, last in _numbered(pieces):
        yield cipher.encrypt(_nonce(index, last=last), piece, None)


def _decrypt_segments(cipher: AESGCM, pieces: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    for index, piece, last in _numbered(pieces):
        content = _decrypt_segment(cipher, _nonce(index, last=last), piece)
        if not content and index:  # an empty last segment would be a second form of the same message
            raise TamperedCiphertext(_TAMPERED)
        yield content


def _decrypt_segment(cipher: AESGCM, nonce: bytes, sealed: bytes | memoryview) -> bytes:
    try:
        return cipher.decrypt(nonce, sealed, None)
    except (InvalidTag, ValueError):
        pass
    raise TamperedCiphertext(_TAMPERED)


def _numbered(pieces: Iterator[bytes | memoryview]) -> Iterator[tuple[int, bytes | memoryview, bool]]:
    """Each piece with its number and whether it is the last; one empty piece where there is none."""
    index, piece = 0, next(pieces, b"")
    for following in pieces:
        yield index, piece, False
        index, piece = index + 1, following
    yield index, piece, True


def _slices(content: bytes | memoryview, size: int) -> Iterator[memoryview]:
    view = memoryview(content)
    for start in range(0, len(view), size):
        yield view[start : start + size]


def _reads(source: BinaryIO, size: int) -> Iterator[bytes]:
    while piece := _read_fully(source, size):
        yield piece


def _read_fully(source: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes; fewer at the end only, also where `read` returns less at a time."""
    pieces, missing = [], size
    while missing and (piece := source.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
