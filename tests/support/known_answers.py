"""Readers of published known answers, and how many of them each algorithm is held to."""

from pathlib import Path

import cryptography_vectors
from cryptography.hazmat.primitives import serialization

from apps.hsm.types import Custody, KeyType
from tests.hsm.conftest import binding

VECTORS = Path(cryptography_vectors.__file__).parent
CUSTODIES = list(Custody)
OCT_OPERATIONS = ("decrypt", "encrypt", "sign", "unwrapKey", "verify", "wrapKey")
AES_BITS = ("128", "192", "256")

# How many published answers each algorithm gives on (wrapped, software) custody. A test counts what it checked and
# compares: a file that is read only in part, or a vector that is passed over, shows.
CHECKS = {
    **{(f"A{bits}GCM", "decrypt"): (750, 750) for bits in AES_BITS},
    **{
        (f"A{bits}{mode}", use): (count, count)
        for bits, count in (("128", 294), ("192", 360), ("256", 415))
        for mode in ("CBC", "CBCPAD")
        for use in ("encrypt", "decrypt")
    },
    **{(f"A{bits}KW", use): (500, 500) for bits in AES_BITS for use in ("wrapKey", "unwrapKey")},
    **{(f"RS{bits}", "verify"): (220, 220) for bits in ("256", "384", "512")},
    **{(f"RS{bits}", "sign"): (65, 65) for bits in ("256", "384", "512")},
    **{(f"PS{bits}", "verify"): (1, 1) for bits in ("256", "384", "512")},
    **{(f"PS{bits}", "refuse"): (190, 190) for bits in ("256", "384", "512")},
    **{(f"ES{bits}", "verify"): (180, 180) for bits in ("256", "384", "512")},
    **{(f"ES{bits}", "sign"): (100, 100) for bits in ("256", "384", "512")},
    ("ES256K", "verify"): (1125, 1125),
    ("ES256K", "sign"): (225, 225),
    ("RSA1_5", "decrypt"): (300, 300),
    ("RSA-OAEP", "decrypt"): (60, 60),
    ("RSA-OAEP", "refuse"): (288, 288),
    ("RSA-OAEP-256", "decrypt"): (60, 60),
    ("RSA-OAEP-256", "refuse"): (276, 276),
    ("HS256", "derive"): (600, 600),
    ("HS256", "sign"): (6, 10),
    ("HS384", "sign"): (0, 8),
    ("HS512", "sign"): (0, 8),
}


def expected_checks(custody, algorithm, use):
    """How many checks of this kind a test has to reach."""
    return CHECKS[algorithm, use][CUSTODIES.index(custody)]


def records(path, last):
    """The records of a NIST file, each complete at the field `last`, or at FAIL, which makes that field None.

    Fields stand until they are given again, so that a section's (`n`, `mod`, `Taglen`) are in all of its records;
    a section without a value is `section`.
    """
    state = {}
    for line in (VECTORS / path).read_text().splitlines():
        text = line.strip()
        if text.startswith("#"):
            continue
        name, found, value = (part.strip() for part in text.strip("[]").partition("="))
        if text == "FAIL":
            state[last] = None
        elif found:
            state[name] = value
        elif text.startswith("["):
            state["section"] = name
        if last in state:
            yield dict(state)
            del state[last]


def unhex(record, *names):
    """The named fields of a record as bytes."""
    return tuple(bytes.fromhex(record[name]) for name in names)


def pkcs8(private):
    """PKCS#8 DER of a private key of `cryptography`."""
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def bring_secret(hsm, vault_key, custody, material):
    """Import the bytes of an AES or HMAC key."""
    what = binding(custody, KeyType.OCT, str(len(material) * 8), operations=OCT_OPERATIONS)
    return hsm.import_key(what, material=material, vault_key=vault_key)
