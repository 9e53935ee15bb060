"""Keys in the HSM as `cryptography`'s builders of certificates and requests expect them."""

import hashlib
from typing import Any, NoReturn

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from apps.domain.keys.rules import EC_ALGORITHMS
from apps.hsm.api import Hsm
from apps.hsm.types import StoredKey

_RSA_ALGORITHM = "RS256"


class _KeyInHsm:
    """A stored key that signs its own certificates. Methods that would read the private key raise `TypeError`."""

    def __init__(self, hsm: Hsm, stored: StoredKey, vault_key: StoredKey | None) -> None:
        self._hsm, self._stored, self._vault_key = hsm, stored, vault_key

    def _sign(self, algorithm: str, digest: bytes) -> bytes:
        return self._hsm.sign_own_certificate(
            self._stored, algorithm=algorithm, digest=digest, vault_key=self._vault_key
        )

    def _public(self) -> Any:
        return serialization.load_der_public_key(self._stored.public_key)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the key is in the HSM")

    private_numbers = private_bytes = decrypt = exchange = __copy__ = __deepcopy__ = _refuse


class RsaKeyInHsm(_KeyInHsm, rsa.RSAPrivateKey):
    """For `cryptography`'s builders: PKCS#1 v1.5 with SHA-256."""

    key_size = 0

    def public_key(self) -> Any:
        return self._public()

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        if not isinstance(padding, _PKCS1) or getattr(algorithm, "name", "") != "sha256":
            raise TypeError("certificates are signed with RS256")
        return self._sign(_RSA_ALGORITHM, hashlib.sha256(bytes(data)).digest())


class EcKeyInHsm(_KeyInHsm, ec.EllipticCurvePrivateKey):
    """For `cryptography`'s builders: ECDSA with the curve's hash, as DER."""

    key_size = 0

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public().curve  # type: ignore[no-any-return]

    def public_key(self) -> Any:
        return self._public()

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        digest = hashlib.new(signature_algorithm.algorithm.name, bytes(data)).digest()
        raw = self._sign(EC_ALGORITHMS[self._stored.binding.parameter], digest)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


_PKCS1 = padding.PKCS1v15


def key_in_hsm(hsm: Hsm, stored: StoredKey, vault_key: StoredKey | None) -> Any:
    """The stored key as `cryptography`'s builders expect it."""
    kind = RsaKeyInHsm if stored.binding.key_type.value == "RSA" else EcKeyInHsm
    return kind(hsm, stored, vault_key)
