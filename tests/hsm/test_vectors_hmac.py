"""Known answers for HMAC: the RFC 4231 cases, and those inside NIST's SP 800-108 vectors.

RFC 4231 has no key of 16, 24 or 32 bytes. RFC 2104 section 2 fills a key up with zeros to the block of the hash, and
hashes a longer one first: a case is the same with each of these lengths that holds its key, so its answer is.
In SP 800-108 (counter mode) every block is one HMAC under a key of 32 bytes, for SHA-256.
"""

import hashlib

import pytest

from apps.hsm.errors import HsmError
from apps.hsm.types import Custody
from tests.support.known_answers import CUSTODIES, VECTORS, bring_secret, expected_checks, records, unhex

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("custody", CUSTODIES)]


def equal_keys(key, digest):
    """The keys of 16, 24 and 32 bytes that HMAC cannot tell from this one."""
    if len(key) > digest().block_size:
        key = digest(key).digest()
    return [key.ljust(size, b"\0") for size in (16, 24, 32) if len(key) <= size]


@pytest.mark.parametrize("algorithm", list(HASHES))
def test_the_macs_of_rfc_4231_are_made_and_taken(hsm, vault_key, custody, algorithm):
    """A module may refuse a key that is shorter than the hash (RFC 2104 section 3 discourages it); SoftHSM does."""
    made = refused = 0
    for record in records(f"HMAC/rfc-4231-sha{algorithm[2:]}.txt", last="MD"):
        material, message, mac = unhex(record, "Key", "Msg", "MD")
        for equal in equal_keys(material, HASHES[algorithm]):
            key = bring_secret(hsm, vault_key, custody, equal)
            given = {"algorithm": algorithm, "digest": message, "vault_key": vault_key}
            try:
                answer = hsm.sign(key, **given)
            except HsmError:
                assert custody is Custody.WRAPPED and len(equal) < HASHES[algorithm]().digest_size
                refused += 1
                continue
            assert answer == mac, record
            assert hsm.verify(key, **given, signature=mac)
            assert not hsm.verify(key, **given, signature=bytes([mac[0] ^ 1]) + mac[1:])
            assert not hsm.verify(key, **given, signature=mac[:-1])
            made += 1
    assert made == expected_checks(custody, algorithm, "sign")
    assert made + refused == expected_checks(Custody.SOFTWARE, algorithm, "sign")


def counter_mode_records():
    """(key, HMAC inputs, output) of SP 800-108 in counter mode with HMAC-SHA-256."""
    prf, key, inputs = "", b"", []
    for line in (VECTORS / "KDF/nist-800-108-KBKDF-CTR.txt").read_text().splitlines():
        name, _, value = (part.strip() for part in line.strip("[] \t").partition("="))
        if name == "PRF":
            prf = value
        elif name == "KI" and prf == "HMAC_SHA256":
            key, inputs = bytes.fromhex(value), []
        elif name == "instring":
            inputs.append(bytes.fromhex(value))
        elif name == "KO" and prf == "HMAC_SHA256":
            yield key, inputs, bytes.fromhex(value)


def test_the_keys_that_nist_derives_come_out_of_hs256(hsm, vault_key, custody):
    derived, made = 0, 0
    for material, inputs, output in counter_mode_records():
        key = bring_secret(hsm, vault_key, custody, material)
        blocks = [hsm.sign(key, algorithm="HS256", digest=block, vault_key=vault_key) for block in inputs]
        assert b"".join(blocks)[: len(output)] == output
        derived += 1
        made += len(blocks)
    assert derived == 480
    assert made == expected_checks(custody, "HS256", "derive")
