"""PKCS#11 called by hand: what the module itself answers, without python-pkcs11's opinion of what a key can do."""

import ctypes

OK = 0x0
FUNCTION_NOT_PERMITTED = 0x68  # CKR_KEY_FUNCTION_NOT_PERMITTED
AES_ECB, AES_CBC_PAD, RSA_X_509, SHA256_HMAC = 0x1081, 0x1085, 0x3, 0x251

_SERIAL, _READ_WRITE = 0x4, 0x2


class _Mechanism(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_ulong), ("parameter", ctypes.c_void_p), ("length", ctypes.c_ulong))


class RawCalls:
    """A session of an attacker's own: the login belongs to the whole process."""

    def __init__(self, module, slot):
        self._library = ctypes.CDLL(str(module))
        self._session = ctypes.c_ulong()
        flags = ctypes.c_ulong(_SERIAL | _READ_WRITE)
        answer = self._library.C_OpenSession(ctypes.c_ulong(slot), flags, None, None, ctypes.byref(self._session))
        assert answer == OK

    def begin(self, verb, key, mechanism):
        """The answer to C_<verb>Init; an operation that began is ended by closing the session."""
        iv = ctypes.create_string_buffer(16)
        parameter, length = (ctypes.addressof(iv), 16) if mechanism == AES_CBC_PAD else (None, 0)
        given = _Mechanism(mechanism, parameter, length)
        function = getattr(self._library, f"C_{verb}Init")
        return function(self._session, ctypes.byref(given), ctypes.c_ulong(key.handle))

    def close(self):
        self._library.C_CloseSession(self._session)
