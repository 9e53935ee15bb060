"""PEM, as files have it (RFC 7468 section 2): the one reader for all places that take it.

Text around the blocks is allowed: `openssl pkcs12` writes bag attributes, `openssl x509 -text` the whole certificate,
and certificate authorities add comments. So a file is PEM when it has a boundary anywhere.
"""

import base64
import binascii
import codecs
from typing import NamedTuple

_BEGIN, _DASHES = b"-----BEGIN ", b"-----"
_LONGEST_LABEL = 40
_MOST_BLOCKS = 200
_PER_LINE = 64

CERTIFICATE_LABELS = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
MESSAGE_LABELS = frozenset({"PKCS7", "CMS"})  # signed data that holds certificates ("P7B")


class BadPem(ValueError):
    """Text with a boundary that is not PEM. The message says why."""


class Block(NamedTuple):
    """One block. `headers`: those of a private key in OpenSSL's older format (RFC 1421)."""

    label: str
    der: bytes
    headers: bytes = b""

    @property
    def private(self) -> bool:
        """Whether it is a private key, encrypted or not."""
        return self.label.endswith("PRIVATE KEY")

    @property
    def encrypted(self) -> bool:
        """Whether a password protects it."""
        return self.label == "ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in self.headers

    def __repr__(self) -> str:
        """Without the content, which may be a private key."""
        return f"Block({self.label!r}, {len(self.der)} bytes)"

    def text(self) -> bytes:
        """The block alone, in the strict form that every parser takes."""
        body = base64.b64encode(self.der)
        lines = [body[at : at + _PER_LINE] for at in range(0, len(body), _PER_LINE)]
        label = self.label.encode()
        head = [_BEGIN + label + _DASHES, *([self.headers, b""] if self.headers else [])]
        return b"\n".join([*head, *lines, b"-----END " + label + _DASHES, b""])


def is_pem(data: bytes) -> bool:
    """Tell whether the data has a boundary, anywhere."""
    return _BEGIN in _to_ascii(data)


def read_pem(data: bytes) -> list[Block]:
    """Parse all blocks, in the order of the file; empty for data without a boundary. Raises `BadPem`."""
    data = _to_ascii(data)
    blocks: list[Block] = []
    at = data.find(_BEGIN)
    while at >= 0:
        if len(blocks) == _MOST_BLOCKS:
            raise BadPem(f"The PEM file has more than {_MOST_BLOCKS} blocks.")
        block, at = _read_block(data, at)
        blocks.append(block)
        at = data.find(_BEGIN, at)
    return blocks


def _read_block(data: bytes, at: int) -> tuple[Block, int]:
    """The block that begins here, and where it ends."""
    start = at + len(_BEGIN)
    end_of_label = data.find(_DASHES, start, start + _LONGEST_LABEL + len(_DASHES))
    label = data[start:end_of_label] if end_of_label >= 0 else b""
    if not label or not label.replace(b" ", b"").isalnum():
        raise BadPem("The PEM file has a line 'BEGIN' without a name.")
    closing = b"-----END " + label + _DASHES
    body_start = end_of_label + len(_DASHES)
    end = data.find(closing, body_start)
    body = data[body_start:end] if end >= 0 else b""
    if end < 0 or _BEGIN in body:
        raise BadPem(f"The PEM block '{label.decode()}' is not complete: its line 'END' is missing.")
    headers, body = _without_headers(body)
    try:
        der = base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise BadPem(f"The PEM block '{label.decode()}' is not valid base64.") from None
    return Block(label.decode(), der, headers), end + len(closing)


def _without_headers(body: bytes) -> tuple[bytes, bytes]:
    """The headers of a block, which a blank line ends, and the rest. A colon is no digit of base64."""
    if b":" not in body:
        return b"", body
    lines = body.replace(b"\r\n", b"\n").strip().split(b"\n")
    blank = next((at for at, line in enumerate(lines) if not line.strip()), 0)
    return b"\n".join(line.strip() for line in lines[:blank]), b"\n".join(lines[blank:])


def _to_ascii(data: bytes) -> bytes:
    """The text in one byte for each character: PowerShell's `>` writes UTF-16."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace").encode("utf-8", "replace")
    return data
