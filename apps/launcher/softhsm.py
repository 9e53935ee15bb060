"""SoftHSM: the path of its library, and repair of a token after a login that was killed.

SoftHSM writes the PIN's flags at every login: it truncates `token.object` and rewrites it in place. A process killed
in between leaves 0 bytes, and the token is lost with all its keys (docs/decisions/0016-softhsm-token-file.md). So a
copy of this file is kept, and restored before a process that uses the token is started. Hardware HSMs do not need it.
"""

import contextlib
import os
from pathlib import Path

from apps.core.private_files import replace_file
from apps.launcher.state import StateDirectory

_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
_HEAD = "token.object"


def find_module() -> str:
    """Return the path of SoftHSM's library, or "" when it is not installed."""
    return next((path for path in _MODULES if Path(path).exists()), "")


def module_of(world: str) -> str:
    """Return the PKCS#11 library of a world: SoftHSM, or what `<WORLD>_HSM_MODULE` names (benchmarks)."""
    return os.environ.get(f"{world.upper()}_HSM_MODULE") or find_module()


def configurations(state: StateDirectory, world: str) -> dict[str, str]:
    """Return the variables in which libraries find their configuration, with its paths."""
    names = {"SOFTHSM2_CONF": "softhsm"}
    if "kryoptic" in Path(module_of(world)).name:
        names["KRYOPTIC_CONF"] = "kryoptic"
    return {variable: str(state.directory / f"{name}-{world}.conf") for variable, name in names.items()}


def restore_or_back_up_token(state: StateDirectory, world: str) -> None:
    """Restore the head of the world's token when it is truncated, else back it up."""
    for head in (state.directory / "tokens" / world).glob(f"*/{_HEAD}"):
        copy = state.directory / "token-heads" / world / head.parent.name
        with contextlib.suppress(FileNotFoundError):  # the token is being removed
            current, owner = head.read_bytes(), (head.stat().st_uid, head.stat().st_gid)
            backup = copy.read_bytes() if copy.exists() else b""
            if len(current) < len(backup):
                replace_file(head, backup, owner=owner)
            elif current != backup:
                replace_file(copy, current, owner=owner)
