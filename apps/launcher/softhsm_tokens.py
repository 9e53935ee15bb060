"""SoftHSM tokens, one directory per world. PINs go from file to library, never through an argument list."""

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apps.launcher import credentials, softhsm
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.state import AUDIT, WORLDS, StateDirectory

_CKU_SO, _CKF_RW_SERIAL = 0, 0x6
_PLACES = {  # in CK_FUNCTION_LIST
    "C_Initialize": 0,
    "C_Finalize": 1,
    "C_GetSlotList": 4,
    "C_InitToken": 9,
    "C_InitPIN": 10,
    "C_OpenSession": 12,
    "C_Login": 18,
}
CONFIGURATIONS = {
    "SOFTHSM2_CONF": "directories.tokendir = {directory}\nobjectstore.backend = file\nlog.level = ERROR\n",
    "KRYOPTIC_CONF": '[[slots]]\nslot = 1\ndbtype = "sqlite"\ndbargs = "{directory}/token.sql"\n',
}


def initialise(state: StateDirectory) -> None:
    """Create the token of each world that has none. Raises `LaunchError`."""
    for world in (*WORLDS, AUDIT):
        directory = state.directory / "tokens" / world
        for variable, path in softhsm.configurations(state, world).items():
            state.write(Path(path), CONFIGURATIONS[variable].format(directory=directory), public=True)
        if any(directory.iterdir()):
            softhsm.restore_or_back_up_token(state, world)
            continue
        state.secret(f"pin-{world}")
        state.secret(f"so-pin-{world}")
        _create(state, world)


def _create(state: StateDirectory, world: str) -> None:
    account = state.account.of(AUDIT if world == AUDIT else f"hsm-{world}")
    pins = {name: str(state.secret_file(f"{name}-{world}")) for name in ("so-pin", "pin")}
    with credentials.handed_out(state, f"token-{world}", pins, account, variables=tuple(pins)) as files:
        program = (sys.executable, "-m", "apps.launcher.softhsm_tokens", softhsm.module_of(world), f"vp-{world}")
        result = account.run(
            [*program, files["so-pin"], files["pin"]],
            cwd=ROOT,
            env={**softhsm.configurations(state, world), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        )
    if result.returncode != 0:
        raise LaunchError(f"The token of world {world} could not be created: {result.stderr.strip()[-500:]}")


def _initialise_token(module: str, label: str, so_pin: bytes, pin: bytes) -> None:
    """C_InitToken and C_InitPIN (PKCS#11 3.0 sections 5.5 and 5.6) on the first free slot."""
    call = _functions(module)
    call("C_Initialize", None)
    count = ctypes.c_ulong(16)
    slots = (ctypes.c_ulong * count.value)()
    call("C_GetSlotList", ctypes.c_ubyte(0), slots, ctypes.byref(count))
    slot = ctypes.c_ulong(slots[count.value - 1])  # SoftHSM keeps one uninitialised slot, the last
    padded = label.encode("ascii").ljust(32)
    call("C_InitToken", slot, so_pin, ctypes.c_ulong(len(so_pin)), padded)
    session = ctypes.c_ulong()
    flags = ctypes.c_ulong(_CKF_RW_SERIAL)
    call("C_OpenSession", slot, flags, None, None, ctypes.byref(session))
    call("C_Login", session, ctypes.c_ulong(_CKU_SO), so_pin, ctypes.c_ulong(len(so_pin)))
    call("C_InitPIN", session, pin, ctypes.c_ulong(len(pin)))
    call("C_Finalize", None)


class _FunctionList(ctypes.Structure):
    """CK_FUNCTION_LIST (PKCS#11 2.40 section 3.6)."""

    _fields_ = (("version", ctypes.c_ubyte * 2), ("functions", ctypes.c_void_p * 68))


def _functions(module: str) -> Callable[..., None]:
    """Call a function of the module by name. C_GetFunctionList is the only one that a module must export by name."""
    found = ctypes.POINTER(_FunctionList)()
    _ok(ctypes.CDLL(module).C_GetFunctionList(ctypes.byref(found)), "C_GetFunctionList")

    def call(name: str, *arguments: Any) -> None:
        function = ctypes.CFUNCTYPE(ctypes.c_ulong)(found.contents.functions[_PLACES[name]])
        _ok(function(*arguments), name)

    return call


def _ok(result: int, call: str) -> None:
    if result != 0:
        raise SystemExit(f"{call} answered CKR 0x{result:x}")


if __name__ == "__main__":
    module_path, token_label, so_pin_file, pin_file = sys.argv[1:]
    _initialise_token(
        module_path, token_label, Path(so_pin_file).read_bytes().strip(), Path(pin_file).read_bytes().strip()
    )
