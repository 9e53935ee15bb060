"""RSA decryption with a DECRYPT handle, by the module's own padding or by ours over its raw permutation."""

from collections.abc import Callable
from typing import Any

import pkcs11
from pkcs11 import Mechanism

from apps.hsm.algorithms import Encrypting
from apps.hsm.rsa_padding import oaep_decode, pkcs1_decode

# What a module says that cannot do a hash inside OAEP; SoftHSM says the first.
_NOT_NATIVE = (pkcs11.ArgumentsBad, pkcs11.MechanismParamInvalid)


class Decryption:
    """Knows, after the first try, whether the module does OAEP with SHA-256 itself."""

    def __init__(self) -> None:
        self.native_oaep256: bool | None = None

    def open(self, handle: Any, row: Encrypting, ciphertext: bytes, *, rejection: Callable[[], bytes]) -> bytes:
        """Decrypt. Raises `BadCiphertext` or a PKCS#11 error.

        `rejection` gives the secret that stands behind an RSA1_5 plaintext that was none; asked for good and bad alike.
        The module's own RSA1_5 is never used: it would say which padding is bad (pkcs11-facts.md section 9).
        """
        if row.mechanism is Mechanism.RSA_PKCS:
            return pkcs1_decode(_raw(handle, ciphertext), secret=rejection())
        if row.parameter[0] is Mechanism.SHA_1 or self._is_native(handle, row, ciphertext):
            return _decrypt(handle, ciphertext, row.mechanism, row.parameter)
        return oaep_decode(_raw(handle, ciphertext), digest="sha256")

    def _is_native(self, handle: Any, row: Encrypting, ciphertext: bytes) -> bool:
        """Asked of the module once; no later answer to a ciphertext can change it."""
        if self.native_oaep256 is None:
            try:
                _decrypt(handle, ciphertext, row.mechanism, row.parameter)
            except _NOT_NATIVE:
                self.native_oaep256 = False
            else:
                self.native_oaep256 = True
        return self.native_oaep256


def _raw(handle: Any, ciphertext: bytes) -> bytes:
    """Apply the RSA permutation (PKCS#11 3.0 section 2.1.10), as many bytes as the modulus."""
    return _decrypt(handle, ciphertext, Mechanism.RSA_X_509, None).rjust(len(ciphertext), b"\0")


def _decrypt(handle: Any, ciphertext: bytes, mechanism: Mechanism, parameter: Any) -> bytes:
    return bytes(handle.decrypt(ciphertext, mechanism=mechanism, mechanism_param=parameter, buffer_size=512))
