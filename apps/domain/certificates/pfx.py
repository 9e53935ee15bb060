"""The order of the certificates in a PFX (RFC 7292), which `cryptography` does not show and cannot write. Pure.

Signing tools take the chain as it stands in the file, so `preserveCertOrder` keeps it.
"""

import hashlib
import hmac
from typing import Any

from asn1crypto import algos
from asn1crypto import pkcs12 as asn1
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_FOR_KEY, _FOR_IV, _FOR_MAC = 1, 2, 3  # RFC 7292 appendix B.3
_NO_PASSWORD = (None, b"")  # two ways of having none; files have either


def certificates_in_order(pfx: bytes, password: bytes | None) -> list[bytes] | None:
    """The certificates (DER) as they stand in a PFX; None where its encryption is one that only OpenSSL has (RC2)."""
    passwords = _NO_PASSWORD if not password else (password,)
    try:
        safe = asn1.Pfx.load(pfx).authenticated_safe
    except (ValueError, TypeError, KeyError):
        return None
    for candidate in passwords:
        try:
            return [one for content in safe for one in _certificates(_content(content, candidate))]
        except (ValueError, TypeError, KeyError, UnicodeDecodeError):
            continue
    return None


def reordered(pfx: bytes, order: list[bytes]) -> bytes:
    """The same PFX, which is not encrypted, with its certificates (DER) in this order."""
    container = asn1.Pfx.load(pfx)
    password = _mac_password(container)
    ranks = {der: rank for rank, der in reversed(list(enumerate(order)))}
    contents = []
    for content in container.authenticated_safe:
        bags = list(asn1.SafeContents.load(content["content"].native))
        bags.sort(key=lambda bag: ranks.get(_certificate(bag), 0))  # stable: keys stay where they are
        contents.append({"content_type": "data", "content": asn1.SafeContents(bags).dump()})
    safe = asn1.AuthenticatedSafe(contents).dump()
    container["auth_safe"] = {"content_type": "data", "content": safe}
    container["mac_data"]["mac"]["digest"] = _mac(container, safe, password)
    return bytes(container.dump(force=True))


def derive(password: bytes, salt: bytes, *, purpose: int, size: int, iterations: int, digest: str) -> bytes:
    """RFC 7292 appendix B.2. `password`: a BMPString with its terminator, or nothing."""
    block = hashlib.new(digest).block_size
    diversifier = bytes([purpose]) * block
    material = _filled(salt, block) + _filled(password, block)
    result = b""
    while len(result) < size:
        value = hashlib.new(digest, diversifier + material).digest()
        for _ in range(iterations - 1):
            value = hashlib.new(digest, value).digest()
        result += value
        addend = int.from_bytes(_filled(value, block)[:block]) + 1
        material = b"".join(
            ((int.from_bytes(material[at : at + block]) + addend) % (1 << 8 * block)).to_bytes(block)
            for at in range(0, len(material), block)
        )
    return result[:size]


def _filled(data: bytes, block: int) -> bytes:
    """The data again and again, up to a multiple of the block."""
    size = -(-len(data) // block) * block
    return (data * (size // max(1, len(data)) + 1))[:size]


def _as_text(password: bytes | None) -> bytes:
    return b"" if password is None else password.decode("utf-8").encode("utf-16-be") + b"\0\0"


def _content(content: Any, password: bytes | None) -> bytes:
    """The bags of a part of a PFX, decrypted."""
    if content["content_type"].native == "data":
        return bytes(content["content"].native)
    if content["content_type"].native != "encrypted_data":
        raise ValueError("encrypted to a certificate")
    info = content["content"]["encrypted_content_info"]
    return _decrypted(info["content_encryption_algorithm"], password, bytes(info["encrypted_content"].native))


def _decrypted(algorithm: algos.EncryptionAlgorithm, password: bytes | None, ciphertext: bytes) -> bytes:
    salt, iterations, size = algorithm.kdf_salt, algorithm.kdf_iterations, algorithm.key_length
    if algorithm.kdf == "pbkdf2":
        key = hashlib.pbkdf2_hmac(algorithm.kdf_hmac, password or b"", salt, iterations, size)
        vector = algorithm.encryption_iv
    else:
        common: dict[str, Any] = {"iterations": iterations, "digest": "sha1"}
        key = derive(_as_text(password), salt, purpose=_FOR_KEY, size=size, **common)
        vector = derive(_as_text(password), salt, purpose=_FOR_IV, size=8, **common)
    cipher = {"aes": algorithms.AES, "tripledes": TripleDES}[algorithm.encryption_cipher](key)
    decryptor = Cipher(cipher, modes.CBC(vector)).decryptor()
    unpadder = PKCS7(len(vector) * 8).unpadder()
    return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()


def _certificates(bags: bytes) -> list[bytes]:
    return [der for bag in asn1.SafeContents.load(bags) if (der := _certificate(bag))]


def _certificate(bag: Any) -> bytes:
    """The certificate of a bag (DER); empty for any other bag."""
    if bag["bag_id"].native != "cert_bag":
        return b""
    return bytes(bag["bag_value"]["cert_value"].parsed.dump())


def _mac_password(container: asn1.Pfx) -> bytes:
    """Which of the two empty passwords the MAC is made with."""
    safe = bytes(container["auth_safe"]["content"].native)
    digest = container["mac_data"]["mac"]["digest"].native
    passwords = (_as_text(candidate) for candidate in _NO_PASSWORD)
    return next(text for text in passwords if hmac.compare_digest(_mac(container, safe, text), digest))


def _mac(container: asn1.Pfx, safe: bytes, password: bytes) -> bytes:
    data = container["mac_data"]
    digest = data["mac"]["digest_algorithm"]["algorithm"].native
    size = hashlib.new(digest).digest_size
    rounds = data["iterations"].native
    key = derive(password, data["mac_salt"].native, purpose=_FOR_MAC, size=size, iterations=rounds, digest=digest)
    return hmac.digest(key, safe, digest)
