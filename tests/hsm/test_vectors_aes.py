"""Known answers of NIST (CAVP) for AES: GCM (SP 800-38D), CBC (SP 800-38A), KW (SP 800-38F, which is RFC 3394).

No vectors of CBC with PKCS#7 padding are published as such. Those of CBC are used: its ciphertext is what the padded
one begins with, and its plaintexts end, or do not, as padding says; the padding block alone is held against
`cryptography`.
"""

import functools

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from apps.hsm.errors import BadCiphertext
from tests.support.known_answers import AES_BITS, CUSTODIES, bring_secret, expected_checks, records, unhex

PADDING = bytes([16]) * 16  # RFC 5652 section 6.3, of whole blocks
CBC_FILES = ("GFSbox", "KeySbox", "MMT", "VarKey", "VarTxt")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("custody", CUSTODIES),
    pytest.mark.parametrize("bits", AES_BITS),
]


@pytest.fixture(scope="module")
def key_of(hsm, vault_key):
    """The key of a vector in a custody, imported once however often it comes again."""
    return functools.cache(functools.partial(bring_secret, hsm, vault_key))


def opened(hsm, key, **what):
    """The plaintext, or None when it does not open."""
    try:
        return hsm.decrypt(key, **what)
    except BadCiphertext:
        return None


def gcm_records(bits):
    for file, last in (("gcmDecrypt", "PT"), ("gcmEncryptExtIV", "Tag")):
        for record in records(f"ciphers/AES/GCM/{file}{bits}.rsp", last=last):
            if (record["IVlen"], record["Taglen"]) == ("96", "128"):
                yield record


def test_gcm_opens_what_nist_opens_and_nothing_else(hsm, vault_key, key_of, custody, bits):
    """Opening only: a GCM iv is always made here. The vectors of encryption open as well."""
    checked = {True: 0, False: 0}
    for record in gcm_records(bits):
        material, iv, aad, ciphertext, tag = unhex(record, "Key", "IV", "AAD", "CT", "Tag")
        key = key_of(custody, material)
        expected = None if record["PT"] is None else bytes.fromhex(record["PT"])
        sealed = {"algorithm": f"A{bits}GCM", "ciphertext": ciphertext, "iv": iv, "aad": aad, "tag": tag}
        assert opened(hsm, key, **sealed, vault_key=vault_key) == expected, record
        checked[expected is not None] += 1
    assert sum(checked.values()) == expected_checks(custody, f"A{bits}GCM", "decrypt")
    assert checked[False] >= 150


def cbc_records(bits, section, last):
    for file in CBC_FILES:
        for record in records(f"ciphers/AES/CBC/CBC{file}{bits}.rsp", last=last):
            if record["section"] == section:
                yield unhex(record, "KEY", "IV", "PLAINTEXT", "CIPHERTEXT")


def test_cbc_encrypts_as_nist_does(hsm, vault_key, key_of, custody, bits):
    checked = 0
    for material, iv, plaintext, ciphertext in cbc_records(bits, "ENCRYPT", last="CIPHERTEXT"):
        given = {"plaintext": plaintext, "iv": iv, "vault_key": vault_key}
        key = key_of(custody, material)
        assert hsm.encrypt(key, algorithm=f"A{bits}CBC", **given).ciphertext == ciphertext
        padded = hsm.encrypt(key, algorithm=f"A{bits}CBCPAD", **given).ciphertext
        last = Cipher(algorithms.AES(material), modes.CBC(ciphertext[-16:])).encryptor().update(PADDING)
        assert padded == ciphertext + last
        answer = opened(hsm, key, algorithm=f"A{bits}CBCPAD", ciphertext=padded, iv=iv, vault_key=vault_key)
        assert answer == plaintext
        checked += 1
    assert (
        checked
        == expected_checks(custody, f"A{bits}CBC", "encrypt")
        == expected_checks(custody, f"A{bits}CBCPAD", "encrypt")
    )


def unpadded(plaintext):
    """What RFC 5652 leaves of a padded plaintext; None when that is none."""
    count = plaintext[-1]
    good = 1 <= count <= 16 and plaintext.endswith(bytes([count]) * count)
    return plaintext[:-count] if good else None


def test_cbc_decrypts_as_nist_does(hsm, vault_key, key_of, custody, bits):
    checked = 0
    for material, iv, plaintext, ciphertext in cbc_records(bits, "DECRYPT", last="PLAINTEXT"):
        given = {"ciphertext": ciphertext, "iv": iv, "vault_key": vault_key}
        key = key_of(custody, material)
        assert hsm.decrypt(key, algorithm=f"A{bits}CBC", **given) == plaintext
        assert opened(hsm, key, algorithm=f"A{bits}CBCPAD", **given) == unpadded(plaintext)
        checked += 1
    assert (
        checked
        == expected_checks(custody, f"A{bits}CBC", "decrypt")
        == expected_checks(custody, f"A{bits}CBCPAD", "decrypt")
    )


def test_keys_are_wrapped_as_nist_wraps_them(hsm, vault_key, key_of, custody, bits):
    checked = 0
    for record in records(f"keywrap/kwtestvectors/KW_AE_{bits}.txt", last="C"):
        material, plaintext, wrapped = unhex(record, "K", "P", "C")
        key = key_of(custody, material)
        answer = hsm.encrypt(key, algorithm=f"A{bits}KW", plaintext=plaintext, vault_key=vault_key)
        assert answer.ciphertext == wrapped, record
        checked += 1
    assert checked == expected_checks(custody, f"A{bits}KW", "wrapKey")


def test_keys_are_unwrapped_as_nist_unwraps_them_and_no_others(hsm, vault_key, key_of, custody, bits):
    checked = {True: 0, False: 0}
    for record in records(f"keywrap/kwtestvectors/KW_AD_{bits}.txt", last="P"):
        material, wrapped = unhex(record, "K", "C")
        key = key_of(custody, material)
        expected = None if record["P"] is None else bytes.fromhex(record["P"])
        answer = opened(hsm, key, algorithm=f"A{bits}KW", ciphertext=wrapped, vault_key=vault_key)
        assert answer == expected, record
        checked[expected is not None] += 1
    assert sum(checked.values()) == expected_checks(custody, f"A{bits}KW", "unwrapKey")
    assert checked[False] >= 80
