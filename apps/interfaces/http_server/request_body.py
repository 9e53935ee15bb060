"""The body of a request, complete before anything is done with it."""

import io
from collections.abc import Mapping
from typing import Any

_CHUNK = 64 * 1024
_DRAINED = 8 * 1024 * 1024  # a caller who is still sending would see a broken connection instead of the answer


class TooLarge(Exception):
    """The header names a length that we do not read."""


class Incomplete(Exception):
    """The body ended before its length: the caller went, or was too slow (`connection_watch`)."""


def read_body(environ: Mapping[str, Any], *, largest: int) -> io.BytesIO:
    """Read until the end; of a body above `largest` one byte more is kept. Raises `TooLarge`, `Incomplete`.

    The application sees from the surplus byte that the body is too large, and answers and records that as it does.
    """
    length = _length_of(environ)
    if length == 0:
        return io.BytesIO()
    if length is not None and length > _DRAINED:
        raise TooLarge
    kept, read, source = bytearray(), 0, environ["wsgi.input"]
    while read <= _DRAINED and (length is None or read < length):
        try:
            chunk = source.read(_CHUNK if length is None else min(_CHUNK, length - read))
        except OSError:
            raise Incomplete from None
        if not chunk:
            break
        read += len(chunk)
        kept += chunk[: largest + 1 - len(kept)]
    if length is not None and read < length:
        raise Incomplete
    return io.BytesIO(kept)


def _length_of(environ: Mapping[str, Any]) -> int | None:
    """The length that the header names; None for a chunked body, whose end the server marks."""
    text = str(environ.get("CONTENT_LENGTH") or "")
    if text.isascii() and text.isdigit():
        return int(text[:12])
    return None if environ.get("HTTP_TRANSFER_ENCODING") else 0
