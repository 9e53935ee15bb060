"""The pictures of the documents: where they are, and how large they may be."""

import os
import struct
from pathlib import Path

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
LARGEST = 120 * 1024  # bytes
taking = os.environ.get("DOCS_PICTURES") == "1"


def assert_plausible(path, largest=LARGEST):
    data = path.read_bytes()
    head, size = data[:24], len(data)
    assert head.startswith(b"\x89PNG\r\n\x1a\n"), path.name
    width, height = struct.unpack(">II", head[16:])
    assert 400 <= width <= 1280 and 200 <= height <= 1600, f"{path.name}: {width} x {height}"
    assert 5_000 < size <= largest, f"{path.name}: {size} bytes"
