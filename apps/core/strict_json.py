"""Strict JSON for untrusted input: anything ambiguous is a 400 (docs/reference/security-guarantees.md section 9).

The standard library's scanner (written in C) takes about 5 us for a small body; `orjson` is faster but lets the last
of two equal names win in silence.
"""

import json
from typing import Any, NoReturn

from apps.core.errors import BadRequest

MAX_DEPTH = 32


class BadJson(BadRequest):
    """Invalid JSON, or valid JSON that we do not accept."""


def loads(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Parse a value. Raises `BadJson` for anything but UTF-8 JSON without duplicate names, NaN, lone surrogates or NUL.

    `max_depth` counts nested arrays and objects.
    """
    try:
        text = data.decode("utf-8")
        value = _DECODER.decode(text)
    except BadJson:
        raise
    except (ValueError, RecursionError):
        raise BadJson("The request body is not valid JSON.") from None
    _check_depth(value, max_depth)
    if "\\u" in text or "\0" in text:  # surrogates and NUL can only come as escapes: UTF-8 has neither
        _check_text(value)
    return value


def loads_object(data: bytes) -> dict[str, Any]:
    """Parse an object; an empty body is an empty object. Raises `BadJson`."""
    if not data:
        return {}
    value = loads(data)
    if not isinstance(value, dict):
        raise BadJson("The request body must be a JSON object.")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise BadJson("The request body names a property twice.")
    return value


def _no_constant(_name: str) -> NoReturn:
    raise BadJson("The request body is not valid JSON.")


def _check_depth(value: Any, max_depth: int) -> None:
    level = [value] if isinstance(value, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > max_depth:
            raise BadJson("The request body is nested too deeply.")
        inner = (item for outer in level for item in (outer.values() if isinstance(outer, dict) else outer))
        level = [item for item in inner if isinstance(item, dict | list)]


def _check_text(value: Any) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _check_text(name)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, str) and ("\0" in value or not _is_unicode(value)):
        raise BadJson("The request body has text that is not valid Unicode.")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
