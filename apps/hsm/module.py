"""Loading a PKCS#11 module, once per process, and logging in, once per process.

Sections 1 to 3 of docs/reference/pkcs11-facts.md shape this file:
C_Initialize(NULL) switches SoftHSM's locks off; closing the session that carried the PIN logs everybody out;
a template with an unexpected value aborts the process, so `StrictMapper` packs only what `templates.py` built.
"""

import ctypes
import os
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, _pkcs11
from pkcs11.attributes import AttributeMapper

from apps.hsm.errors import DeviceFault, Meaning, PinRefused, meaning_of
from apps.hsm.types import ModuleConfig

_CKF_OS_LOCKING_OK = 0x2  # PKCS#11 3.0 section 3.7
_CKR_OK = 0


class _InitializeArgs(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS (PKCS#11 3.0 section 3.7): no callbacks, the operating system's locks."""

    _fields_ = (
        ("create_mutex", ctypes.c_void_p),
        ("destroy_mutex", ctypes.c_void_p),
        ("lock_mutex", ctypes.c_void_p),
        ("unlock_mutex", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    )


class _FunctionList(ctypes.Structure):
    """The head of CK_FUNCTION_LIST (PKCS#11 3.0 section 3.6): C_Initialize is its first function."""

    _fields_ = (("version", ctypes.c_ubyte * 2), ("initialize", ctypes.CFUNCTYPE(ctypes.c_ulong, ctypes.c_void_p)))


class LockingLibrary(_pkcs11.lib):
    """The library, initialised with locks. One thread uses it; the locks are the second belt."""

    def initialize(self) -> None:
        """C_Initialize with CKF_OS_LOCKING_OK. Raises `DeviceFault`.

        Somebody else's initialisation is refused too: it may have been without locks. C_GetFunctionList is the only
        function that a module must export by name.
        """
        functions = ctypes.POINTER(_FunctionList)()
        arguments = _InitializeArgs(flags=_CKF_OS_LOCKING_OK)
        result = ctypes.CDLL(self.so).C_GetFunctionList(ctypes.byref(functions))
        if result == _CKR_OK:
            result = functions.contents.initialize(ctypes.addressof(arguments))
        if result != _CKR_OK:
            raise DeviceFault(f"the module could not be initialised (CKR 0x{result:x})")


class _Attribute(ctypes.Structure):
    """CK_ATTRIBUTE (PKCS#11 3.0 section 3.3)."""

    _fields_ = (("type", ctypes.c_ulong), ("value", ctypes.c_void_p), ("length", ctypes.c_ulong))


class StrictMapper(AttributeMapper):
    """Adds nothing of its own to a template, and knows the two array attributes of the masters."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[Any] = []  # what a packed UNWRAP_TEMPLATE points to must outlive the call
        self.register_handler(Attribute.UNWRAP_TEMPLATE, self._pack_template, bytes)
        self.register_handler(Attribute.ALLOWED_MECHANISMS, _pack_mechanisms, bytes)

    def public_key_template(self, **_: Any) -> dict[Attribute, Any]:
        return {}

    def private_key_template(self, **_: Any) -> dict[Attribute, Any]:
        return {}

    def secret_key_template(self, **_: Any) -> dict[Attribute, Any]:
        return {}

    def generic_key_template(self, base_template: dict[Attribute, Any], **_: Any) -> dict[Attribute, Any]:
        return dict(base_template)  # CLASS and KEY_TYPE of an unwrap

    def _pack_template(self, template: dict[Attribute, Any]) -> bytes:
        """CKA_UNWRAP_TEMPLATE: an array of CK_ATTRIBUTE (PKCS#11 3.0 section 4.10)."""
        packed = (_Attribute * len(template))()
        for slot, (attribute, value) in zip(packed, template.items(), strict=True):
            data = self.pack_attribute(attribute, value)
            buffer = ctypes.create_string_buffer(data, len(data))
            self._kept.append(buffer)
            slot.type, slot.value, slot.length = int(attribute), ctypes.addressof(buffer), len(data)
        self._kept.append(packed)
        return bytes(packed)


def _pack_mechanisms(mechanisms: list[int]) -> bytes:
    """CKA_ALLOWED_MECHANISMS: an array of CK_MECHANISM_TYPE."""
    return bytes((ctypes.c_ulong * len(mechanisms))(*(int(mechanism) for mechanism in mechanisms)))


_loaded: dict[Path, tuple[int, LockingLibrary]] = {}  # with the process that loaded it


def load(path: Path) -> LockingLibrary:
    """Load and initialise the module: once per process, after forking, and never again.

    Raises `DeviceFault` when it cannot be loaded, or came here through a fork: two processes would share one login
    and one set of handle numbers (docs/reference/pkcs11-facts.md section 6).
    """
    if path not in _loaded:
        try:
            _loaded[path] = os.getpid(), LockingLibrary(str(path))
        except (OSError, AttributeError, RuntimeError) as error:
            raise DeviceFault(f"the module {path} cannot be loaded: {error}") from None
    process, library = _loaded[path]
    if process != os.getpid():
        raise DeviceFault(f"the module {path} was loaded before this process was forked; load it after forking")
    return library


def log_in(config: ModuleConfig) -> tuple[pkcs11.Token, pkcs11.Session, pkcs11.Session]:
    """Log in and return (token, keeper, session): the keeper holds the login open, the session does the work.

    Raises `DeviceFault` when the token is not there, `PinRefused` when it does not take the PIN.
    """
    library = load(config.module)
    try:
        token = library.get_token(token_label=config.token_label)
    except pkcs11.PKCS11Error as error:  # SoftHSM says GENERAL_ERROR when several processes open a token at once
        raise DeviceFault(f"there is not exactly one token '{config.token_label}' ({type(error).__name__})") from None
    pin = _read_pin(config.pin_file)
    try:
        keeper = token.open(rw=True, user_pin=pin, attribute_mapper=StrictMapper())
        session = token.open(rw=True, attribute_mapper=StrictMapper())
    except pkcs11.PKCS11Error as error:
        if meaning_of(error) is Meaning.PIN:
            raise PinRefused(f"the token refused the PIN ({type(error).__name__})") from None
        raise DeviceFault(f"the token cannot be opened ({type(error).__name__})") from None
    return token, keeper, session


def _read_pin(path: Path) -> str:
    """Read the PIN without a trailing newline. Raises `PinRefused`; no error contains the file's content."""
    try:
        pin = path.read_bytes().strip().decode("utf-8")
    except OSError as error:
        raise PinRefused(f"the PIN file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PinRefused(f"the PIN file {path} is not text in UTF-8") from None
    if not pin:
        raise PinRefused(f"the PIN file {path} is empty")
    return pin
