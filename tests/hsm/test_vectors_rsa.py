"""Known answers for RSA: NIST (CAVP) for signatures, RSA Laboratories and OpenSSL for encryption.

The PSS files of NIST have salts of 0, 10 and 20 bytes, and the contract's PS algorithms a salt as long as the hash
(RFC 7518 section 3.5): none of these signatures may verify, whatever NIST says of it. The few published ones with the
right salt are in `tests/support/pss_vectors.py`; that our own are what others take, `test_interchange.py` shows.
"""

import functools
import hashlib
import itertools

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from apps.hsm.algorithms import SIGNING
from apps.hsm.errors import BadCiphertext
from tests.hsm.conftest import binding
from tests.support import pss_vectors
from tests.support.imported_keys import adopt, adopt_public
from tests.support.known_answers import CUSTODIES, VECTORS, expected_checks, pkcs8, records
from tests.support.rsa_lab_vectors import examples

BITS = ("256", "384", "512")
PKCS1_FILES = {
    "FIPS_186-2/SigGen15_186-2.txt": "S",
    "FIPS_186-2/SigGen15_186-3.rsp": "S",
    "FIPS_186-2/SigVer15_186-3.rsp": "Result",
    "SigVer15EMTest.txt": "Result",
}
PSS_FILES = {
    "FIPS_186-2/SigGenPSS_186-2.txt": "S",
    "FIPS_186-2/SigGenPSS_186-3.rsp": "S",
    "FIPS_186-2/SigVerPSS_186-3.rsp": "Result",
}
OAEP_HASHES = ("sha1", "sha224", "sha256", "sha384", "sha512")

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("custody", CUSTODIES)]


def with_hash(files, bits):
    """(record, whether NIST takes its signature) of the records whose hash is SHA-`bits`."""
    for path, last in files.items():
        for record in records(f"asymmetric/RSA/{path}", last=last):
            if record["SHAAlg"] == f"SHA{bits}":
                record["mod"] = str(int(record["n"], 16).bit_length())
                yield record, record.get("Result", "P").startswith("P")


def signed(record, bits):
    """(digest, signature)."""
    digest = hashlib.new(f"sha{bits}", bytes.fromhex(record["Msg"])).digest()
    return digest, int(record["S"], 16).to_bytes(int(record["mod"]) // 8)


def public_of(record):
    return rsa.RSAPublicNumbers(int(record["e"], 16), int(record["n"], 16)).public_key()


def private_of(record):
    """The private key, its primes found again where the file does not give them; None where it has none."""
    if "d" not in record:
        return None
    return _private_key(*(int(record[name], 16) for name in ("n", "e", "d")))


@functools.cache  # the files use few keys, and finding primes takes longer than all the rest
def _private_key(n, e, d):
    p, q = sorted(rsa.rsa_recover_prime_factors(n, e, d), reverse=True)
    return rsa.RSAPrivateNumbers(
        p=p, q=q, d=d, dmp1=rsa.rsa_crt_dmp1(d, p), dmq1=rsa.rsa_crt_dmq1(d, q), iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, n),
    ).private_key(unsafe_skip_rsa_key_validation=True)  # fmt: skip


@pytest.mark.parametrize("bits", BITS)
def test_nist_pkcs1_signatures_are_judged_as_nist_judges(hsm, custody, bits):
    checked = {True: 0, False: 0}
    for record, expected in with_hash(PKCS1_FILES, bits):
        key = adopt_public(hsm, binding(custody, parameter=record["mod"]), public_of(record))
        digest, signature = signed(record, bits)
        assert hsm.verify(key, algorithm=f"RS{bits}", digest=digest, signature=signature) is expected, record
        checked[expected] += 1
    assert sum(checked.values()) == expected_checks(custody, f"RS{bits}", "verify")
    assert checked[False] >= 90


@pytest.mark.parametrize("bits", BITS)
def test_pkcs1_signatures_are_the_ones_of_nist(hsm, vault_key, custody, bits):
    """PKCS#1 v1.5 has one right answer: make the good signatures of the vectors that give the private key."""
    made, brought = 0, {}
    for record, good in with_hash(PKCS1_FILES, bits):
        if not good or "d" not in record:
            continue
        kind = record["n"], record["e"]
        if kind not in brought:
            what = binding(custody, parameter=record["mod"])
            brought[kind] = hsm.import_key(what, material=pkcs8(private_of(record)), vault_key=vault_key)
        digest, signature = signed(record, bits)
        answer = hsm.sign(brought[kind], algorithm=f"RS{bits}", digest=digest, vault_key=vault_key)
        assert answer == signature, record
        made += 1
    assert made == expected_checks(custody, f"RS{bits}", "sign")


@pytest.mark.parametrize("bits", BITS)
def test_nist_pss_signatures_with_another_salt_length_are_refused(hsm, custody, bits):
    checked = good_elsewhere = 0
    for record, good in with_hash(PSS_FILES, bits):
        public, (digest, signature) = public_of(record), signed(record, bits)
        key = adopt_public(hsm, binding(custody, parameter=record["mod"]), public)
        assert not hsm.verify(key, algorithm=f"PS{bits}", digest=digest, signature=signature), record
        assert is_pss_with_any_salt(public, SIGNING[f"PS{bits}"].digest, digest, signature) is good
        checked += 1
        good_elsewhere += good
    assert checked == expected_checks(custody, f"PS{bits}", "refuse")
    assert good_elsewhere >= 100, "refused for their salt, not because we read them wrong"


def is_pss_with_any_salt(public, algorithm, digest, signature):
    scheme = padding.PSS(mgf=padding.MGF1(algorithm), salt_length=padding.PSS.AUTO)
    try:
        public.verify(signature, digest, scheme, Prehashed(algorithm))
    except InvalidSignature:
        return False
    return True


def test_published_pss_signatures_with_the_salt_of_the_contract_verify(hsm, custody):
    checked = []
    for algorithm, public, message, signature in pss_vectors.examples():
        key = adopt_public(hsm, binding(custody, parameter=str(public.key_size)), public)
        digest = hashlib.new(f"sha{algorithm[2:]}", message).digest()
        assert hsm.verify(key, algorithm=algorithm, digest=digest, signature=signature)
        assert not hsm.verify(key, algorithm=algorithm, digest=digest[::-1], signature=signature)
        checked.append(algorithm)
    for algorithm in ("PS256", "PS384", "PS512"):
        assert checked.count(algorithm) == expected_checks(custody, algorithm, "verify")


class Keys:
    """The laboratories' keys, brought once each.

    Some have one to seven bits more than whole bytes. An imported key is bound to its size in bits and takes ciphertexts
    of whole bytes, so these are adopted, bound to the size of their ciphertexts.
    """

    def __init__(self, hsm, vault_key, custody):
        self.brought, self.hsm, self.vault_key, self.custody = {}, hsm, vault_key, custody

    def __call__(self, numbers, size):
        n, e = numbers["n"], numbers["e"]
        if n not in self.brought:
            private = {name: value for name, value in numbers.items() if name not in "ne"}
            key = rsa.RSAPrivateNumbers(**private, public_numbers=rsa.RSAPublicNumbers(e, n))
            self.brought[n] = adopt(
                self.hsm,
                self.vault_key,
                binding(self.custody, parameter=str(size * 8)),
                key.private_key(unsafe_skip_rsa_key_validation=True),
            )
        return self.brought[n]


@pytest.mark.parametrize(
    ("file", "algorithm"),
    [
        ("pkcs1v15crypt-vectors.txt", "RSA1_5"),
        ("pkcs-1v2-1d2-vec/oaep-vect.txt", "RSA-OAEP"),
        ("oaep-custom/oaep-sha256-sha256.txt", "RSA-OAEP-256"),
    ],
)
def test_ciphertexts_of_the_vectors_open(hsm, vault_key, custody, file, algorithm):
    keys, checked = Keys(hsm, vault_key, custody), 0
    for numbers, message, ciphertext in examples(VECTORS / "asymmetric/RSA" / file):
        key = keys(numbers, len(ciphertext))
        assert hsm.decrypt(key, algorithm=algorithm, ciphertext=ciphertext, vault_key=vault_key) == message
        checked += 1
    assert checked == expected_checks(custody, algorithm, "decrypt")


@pytest.mark.parametrize(("algorithm", "own"), [("RSA-OAEP", "sha1"), ("RSA-OAEP-256", "sha256")])
def test_ciphertexts_with_other_hashes_do_not_open(hsm, vault_key, custody, algorithm, own):
    """OpenSSL's vectors, and RFC 8017's label, which the contract has none of: of each file every fifth, of each key."""
    keys, checked = Keys(hsm, vault_key, custody), 0
    mixed = [f"oaep-{mask}-{digest}.txt" for mask in OAEP_HASHES for digest in OAEP_HASHES]
    for file in mixed:
        path = VECTORS / "asymmetric/RSA/oaep-custom" / file
        if not path.exists() or file == f"oaep-{own}-{own}.txt":
            continue
        for numbers, _, ciphertext in itertools.islice(examples(path), 0, None, 5):
            with pytest.raises(BadCiphertext):
                hsm.decrypt(
                    keys(numbers, len(ciphertext)), algorithm=algorithm, ciphertext=ciphertext, vault_key=vault_key
                )
            checked += 1
    assert checked == expected_checks(custody, algorithm, "refuse")
