"""RSA decryption with a DECRYPT handle, by the module's own padding or by ours over its raw permutation."""

from collections.abc import Callable
from typing import Any

import pkcs11
from pkcs11 import Mechanism

from apps.hsm.algorithms import Encrypting
from apps.hsm.rsa_padding import oaep_decode

# What a module says that cannot do a hash inside OAEP; SoftHSM says the first.
_NOT_NATIVE = (pkcs11.ArgumentsBad, pkcs11.MechanismParamInvalid)


class Decryption:
    """Knows, after the first try, whether the module does OAEP with SHA-256 itself."""

    def __init__(self) -> None:
        self.native_oaep256: bool | None = None

    def open(self, handle: Any, row: Encrypting, ciphertext: bytes, *, prf: Callable[[bytes], bytes]) -> bytes:
        """The plaintext. Raises `BadCiphertext` or a PKCS#11 error. `prf`: an HMAC that only the HSM can make."""
        if row.mechanism is Mechanism.RSA_PKCS:
            return self._open_rsa1_5(handle, ciphertext, prf)
        if row.parameter[0] is Mechanism.SHA_1:
            return _decrypt(handle, ciphertext, row.mechanism, row.parameter)
        if self.native_oaep256 is not False:
            try:
                plaintext = _decrypt(handle, ciphertext, row.mechanism, row.parameter)
            except _NOT_NATIVE:
                self.native_oaep256 = False
            else:
                self.native_oaep256 = True
                return plaintext
        return oaep_decode(_raw(handle, ciphertext), digest="sha256")

    @staticmethod
    def _open_rsa1_5(handle: Any, ciphertext: bytes, prf: Callable[[bytes], bytes]) -> bytes:
        """PKCS#1 v1.5 with implicit rejection (draft-irtf-cfrg-rsa-guidance): bad padding gives a plaintext that is
        random to anybody without the HSM and the same at every try, instead of an answer to Bleichenbacher.
        """
        size = len(ciphertext)
        length = int.from_bytes(prf(b"length" + ciphertext)) % (size - 10)
        stream = b"".join(prf(number.to_bytes(4) + ciphertext) for number in range(-(-size // 32)))
        block = _raw(handle, ciphertext)
        separator = block.find(b"\0", 2)
        good = block[0] == 0 and block[1] == 2 and separator >= 10
        return block[separator + 1 :] if good else stream[:length]


def _raw(handle: Any, ciphertext: bytes) -> bytes:
    """The RSA permutation (PKCS#11 3.0 section 2.1.10), as many bytes as the modulus."""
    return _decrypt(handle, ciphertext, Mechanism.RSA_X_509, None).rjust(len(ciphertext), b"\0")


def _decrypt(handle: Any, ciphertext: bytes, mechanism: Mechanism, parameter: Any) -> bytes:
    return bytes(handle.decrypt(ciphertext, mechanism=mechanism, mechanism_param=parameter, buffer_size=512))
