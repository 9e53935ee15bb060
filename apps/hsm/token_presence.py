"""`python -m apps.hsm.token_presence MODULE TOKEN_LABEL`: exit 0 when the token is there. No PIN, no login.

A separate process: a library that was initialised without a token does not see it appear
(docs/reference/pkcs11-facts.md section 5).
"""

import sys
from pathlib import Path

import pkcs11

from apps.hsm.errors import DeviceFault
from apps.hsm.module import load

PRESENT, ABSENT = 0, 75


def main(module: str, token_label: str) -> int:
    """Check for the token and return the exit code."""
    try:
        load(Path(module)).get_token(token_label=token_label)
    except (DeviceFault, pkcs11.PKCS11Error):
        return ABSENT
    return PRESENT


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
