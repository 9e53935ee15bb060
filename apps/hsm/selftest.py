"""Known answers that the module must give before it is trusted with anything (FIPS 140-3 section 10.3.1).

Only what nothing else would catch: a wrong signature is caught by the stored public key at every use, but a wrong
seal, HMAC or key wrap would go unseen until the day when the value is needed.
"""

from typing import Any

import pkcs11
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism

from apps.hsm import templates
from apps.hsm.errors import SelfTestFailed
from apps.hsm.session_objects import destroyed_after

# RFC 5649 section 6, the 20-byte key.
_WRAP_KEY = bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
_WRAP_DATA = bytes.fromhex("c37b7e6492584340bed12207808941155068f738")
_WRAPPED = bytes.fromhex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a")

# RFC 4231 section 4.7: of its keys the one that is long enough for a module that demands 32 bytes.
_MAC_KEY = b"\xaa" * 131
_MAC_DATA = b"Test Using Larger Than Block-Size Key - Hash Key First"
_MAC = bytes.fromhex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")

# McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test case 16 (AES-256, associated data).
_GCM_KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
_GCM_NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
_GCM_CONTEXT = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_GCM_DATA = bytes.fromhex(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
)
_GCM_SEALED = bytes.fromhex(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
)

# Vendors have meant different things by 0x210A, and SoftHSM has no 0x210B: whichever gives RFC 5649's answer is it.
# The order is part of the format: a master may be used with the mechanism that it was made for only.
_KEY_WRAPS = (Mechanism.AES_KEY_WRAP_PAD, Mechanism.AES_KEY_WRAP_KWP)


def run(session: pkcs11.Session) -> None:
    """HMAC-SHA256 and AES-256-GCM give their published answers. Raises `SelfTestFailed`, naming the algorithm."""
    for name, test in (("HMAC-SHA256", _mac_is_right), ("AES-256-GCM", _gcm_is_right)):
        try:
            right = test(session)
        except pkcs11.PKCS11Error as error:
            raise SelfTestFailed(f"the module cannot do {name} ({type(error).__name__})") from None
        if not right:
            raise SelfTestFailed(f"the module gave a wrong answer for {name}; it must not be used")


def key_wrap_mechanism(session: pkcs11.Session) -> Mechanism | None:
    """Find the mechanism by which this module wraps keys as RFC 5649 says; None if there is none.

    Tested with whole blocks of eight bytes, on which all agree; see `wraps_every_length`.
    """
    known = _WRAP_DATA[:16]
    expected = aes_key_wrap_with_padding(_WRAP_KEY, known)
    for mechanism in _KEY_WRAPS:
        if _wraps(session, mechanism, known, expected):
            return mechanism
    return None


def wraps_every_length(session: pkcs11.Session, mechanism: Mechanism) -> bool:
    """Tell whether a wrapped key carries its exact length, as RFC 5649 says.

    SoftHSM fills up with zeros first (pkcs11-facts.md section 13). It takes such a PKCS#8 back, for DER knows
    its own end; another module may not, so blobs do not simply move between modules that differ here.
    """
    return _wraps(session, mechanism, _WRAP_DATA, _WRAPPED)


def _wraps(session: pkcs11.Session, mechanism: Mechanism, data: bytes, expected: bytes) -> bool:
    with destroyed_after(session.create_object(templates.known_secret(_WRAP_KEY, purpose=Attribute.WRAP))) as wrapper:
        template = templates.known_secret(data, key_type=KeyType.GENERIC_SECRET)
        try:
            with destroyed_after(session.create_object(template)) as known:
                return bytes(wrapper.wrap_key(known, mechanism=mechanism)) == expected
        except pkcs11.PKCS11Error:
            return False


def _mac_is_right(session: pkcs11.Session) -> bool:
    template = templates.known_secret(_MAC_KEY, key_type=KeyType.GENERIC_SECRET, purpose=Attribute.SIGN)
    with destroyed_after(session.create_object(template)) as key:
        return bytes(key.sign(_MAC_DATA, mechanism=Mechanism.SHA256_HMAC)) == _MAC


def _gcm_is_right(session: pkcs11.Session) -> bool:
    parameter = GCMParams(_GCM_NONCE, _GCM_CONTEXT, 128)
    with (
        destroyed_after(session.create_object(templates.known_secret(_GCM_KEY, purpose=Attribute.ENCRYPT))) as sealer,
        destroyed_after(session.create_object(templates.known_secret(_GCM_KEY, purpose=Attribute.DECRYPT))) as opener,
    ):
        sealed = bytes(sealer.encrypt(_GCM_DATA, mechanism=Mechanism.AES_GCM, mechanism_param=parameter))
        opened = bytes(opener.decrypt(_GCM_SEALED, mechanism=Mechanism.AES_GCM, mechanism_param=parameter))
        return sealed == _GCM_SEALED and opened == _GCM_DATA and _refuses_a_wrong_tag(opener, parameter)


def _refuses_a_wrong_tag(opener: Any, parameter: GCMParams) -> bool:
    forged = _GCM_SEALED[:-1] + bytes([_GCM_SEALED[-1] ^ 1])
    try:
        opener.decrypt(forged, mechanism=Mechanism.AES_GCM, mechanism_param=parameter)
    except pkcs11.PKCS11Error:
        return True
    return False
