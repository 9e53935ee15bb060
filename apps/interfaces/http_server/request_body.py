"""The body of a request, complete before anything is done with it."""

import io
from collections.abc import Mapping
from typing import Any

_CHUNK = 64 * 1024
_DRAINED = 8 * 1024 * 1024  # a caller who is still sending would see a broken connection instead of the answer


class TooLarge(Exception):
    """The header names a length that we do not read."""


class LengthRequired(Exception):
    """A chunked body: the server does not tell its end from a broken connection."""


class Incomplete(Exception):
    """The body ended before its length: the caller went, or was too slow (`connection_watch`)."""


def read_body(environ: Mapping[str, Any], *, largest: int) -> io.BytesIO:
    """Read until the end; of a body above `largest` one byte more is kept.

    Raises `LengthRequired`, `TooLarge`, `Incomplete`.

    The application sees from the surplus byte that the body is too large, and answers and records that as it does.
    """
    length = _length_of(environ)
    if length == 0:
        return io.BytesIO()
    if length > _DRAINED:
        raise TooLarge
    kept, read, source = bytearray(), 0, environ["wsgi.input"]
    while read < length:
        try:
            chunk = source.read(min(_CHUNK, length - read))
        except OSError:
            raise Incomplete from None
        if not chunk:
            break
        read += len(chunk)
        kept += chunk[: largest + 1 - len(kept)]
    if read < length:
        raise Incomplete
    return io.BytesIO(kept)


def _length_of(environ: Mapping[str, Any]) -> int:
    """The length that the header names; 0 without one."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        raise LengthRequired
    text = str(environ.get("CONTENT_LENGTH") or "")
    return int(text[:12]) if text.isascii() and text.isdigit() else 0
