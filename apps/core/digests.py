"""Digests of structured content, so that an approval holds for exactly this content."""

import hashlib
from typing import Any

import orjson


def digest_of(content: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of a value: dataclasses, lists, mappings, UUIDs, dates, plain values."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
