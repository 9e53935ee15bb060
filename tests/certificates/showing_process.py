"""A main module for `run_limited`: answers with its environment, and the length of what it was given."""

import os
import sys
from pathlib import Path

from apps.core.limited_process import serve


def parse(data):
    """Show whether the data stands in the arguments, what the environment names, and how long the data is."""
    assert data not in Path("/proc/self/cmdline").read_bytes()
    assert sys.flags.isolated
    return f"{sorted(name for name in os.environ if name != 'LC_CTYPE')} {len(data)}".encode()


if __name__ == "__main__":
    serve(parse)
