"""SoftHSM tokens, one directory per world. PINs go from file to library, never through an argument list."""

import ctypes
import os
import sys
from pathlib import Path

from apps.launcher import credentials, softhsm
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.state import AUDIT, WORLDS, StateDirectory

_CKU_SO, _CKF_RW_SERIAL = 0, 0x6


def initialise(state: StateDirectory) -> None:
    """Create the token of each world that has none. Raises `LaunchError`."""
    for world in (*WORLDS, AUDIT):
        configuration = state.directory / f"softhsm-{world}.conf"
        directory = state.directory / "tokens" / world
        text = f"directories.tokendir = {directory}\nobjectstore.backend = file\nlog.level = ERROR\n"
        state.write(configuration, text, public=True)
        if any(directory.iterdir()):
            softhsm.restore_or_back_up_token(state, world)
            continue
        state.secret(f"pin-{world}")
        state.secret(f"so-pin-{world}")
        _create(state, world, configuration)


def _create(state: StateDirectory, world: str, configuration: Path) -> None:
    account = state.account.of(AUDIT if world == AUDIT else f"hsm-{world}")
    pins = {name: str(state.secret_file(f"{name}-{world}")) for name in ("so-pin", "pin")}
    with credentials.handed_out(state, f"token-{world}", pins, account, variables=tuple(pins)) as files:
        program = (sys.executable, "-m", "apps.launcher.softhsm_tokens", softhsm.find_module(), f"vp-{world}")
        result = account.run(
            [*program, files["so-pin"], files["pin"]],
            cwd=ROOT,
            env={"SOFTHSM2_CONF": str(configuration), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    if result.returncode != 0:
        raise LaunchError(f"The token of world {world} could not be created: {result.stderr.strip()[-500:]}")


def _initialise_token(module: str, label: str, so_pin: bytes, pin: bytes) -> None:
    """C_InitToken and C_InitPIN (PKCS#11 3.0 sections 5.5 and 5.6) on the first free slot."""
    library = ctypes.CDLL(module)
    _ok(library.C_Initialize(None), "C_Initialize")
    count = ctypes.c_ulong(16)
    slots = (ctypes.c_ulong * count.value)()
    _ok(library.C_GetSlotList(ctypes.c_ubyte(0), slots, ctypes.byref(count)), "C_GetSlotList")
    slot = ctypes.c_ulong(slots[count.value - 1])  # SoftHSM keeps one uninitialised slot, the last
    padded = label.encode("ascii").ljust(32)
    _ok(library.C_InitToken(slot, so_pin, ctypes.c_ulong(len(so_pin)), padded), "C_InitToken")
    session = ctypes.c_ulong()
    flags = ctypes.c_ulong(_CKF_RW_SERIAL)
    _ok(library.C_OpenSession(slot, flags, None, None, ctypes.byref(session)), "C_OpenSession")
    _ok(library.C_Login(session, ctypes.c_ulong(_CKU_SO), so_pin, ctypes.c_ulong(len(so_pin))), "C_Login")
    _ok(library.C_InitPIN(session, pin, ctypes.c_ulong(len(pin))), "C_InitPIN")
    _ok(library.C_Finalize(None), "C_Finalize")


def _ok(result: int, call: str) -> None:
    if result != 0:
        raise SystemExit(f"{call} answered CKR 0x{result:x}")


if __name__ == "__main__":
    module_path, token_label, so_pin_file, pin_file = sys.argv[1:]
    _initialise_token(
        module_path, token_label, Path(so_pin_file).read_bytes().strip(), Path(pin_file).read_bytes().strip()
    )
