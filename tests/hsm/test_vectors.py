"""Known answers: NIST CAVP, RSA Laboratories and RFC vectors, on both custodies."""

import hashlib
from pathlib import Path

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apps.hsm import public_keys
from apps.hsm.algorithms import SIGNING
from apps.hsm.types import Custody, KeyType
from tests.hsm.adopting import adopt, adopt_public
from tests.hsm.conftest import binding
from tests.hsm.labvectors import examples

VECTORS = Path(cryptography_vectors.__file__).parent / "asymmetric"
HASHES = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}
BITS = {"SHA256": "256", "SHA384": "384", "SHA512": "512"}
EC_HASH = {"P-256": "SHA-256", "P-384": "SHA-384", "P-521": "SHA-512"}
EC_ALGORITHM = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


def cavp(path):
    """The records of a CAVP response file: the header's fields and the record's."""
    header, record = {}, {}
    for line in (VECTORS / path).read_text().splitlines():
        text = line.strip()
        if text.startswith("[") and "=" in text:
            header = {"mod": text.strip("[]").split("=")[1].strip()}
        elif text.startswith("["):
            header = {"curve": text.strip("[]")}
        elif "=" in text and not text.startswith("#"):
            name, value = (part.strip() for part in text.split("=", 1))
            if name in ("n", "p", "q"):
                header[name] = int(value, 16)
                continue
            record[name] = value
            if name == "Result":
                yield {**header, **record}
                record = {}


def rsa_numbers(record):
    return rsa.RSAPublicNumbers(int(record["e"], 16), record["n"])


def test_nist_pkcs1_signatures_are_judged_as_nist_judges(hsm):
    seen = {True: 0, False: 0}
    for record, good in judged(hsm, "SigVer15_186-3.rsp", "RS"):
        assert good is record["Result"].startswith("P"), record
        seen[good] += 1
    assert seen[True] >= 3
    assert seen[False] >= 10


def test_nist_pss_signatures_with_another_salt_length_are_refused(hsm):
    """The contract's PS algorithms have a salt as long as the hash; no vector of NIST's file has."""
    records = list(judged(hsm, "SigVerPSS_186-3.rsp", "PS"))
    assert {len(record["SaltVal"]) for record, _ in records}.isdisjoint({64, 96, 128})
    assert not any(good for _, good in records)
    assert len([record for record, _ in records if record["Result"].startswith("P")]) >= 3


def judged(hsm, file, family):
    """(record, our verdict) of each record of a file whose hash the contract has."""
    for record in cavp(f"RSA/FIPS_186-2/{file}"):
        if record["SHAAlg"] in HASHES:
            key = adopt_public(hsm, binding(parameter=record["mod"]), rsa_numbers(record).public_key())
            digest = HASHES[record["SHAAlg"]](bytes.fromhex(record["Msg"])).digest()
            signature = int(record["S"], 16).to_bytes(int(record["mod"]) // 8)
            algorithm = family + BITS[record["SHAAlg"]]
            yield record, hsm.verify(key, algorithm=algorithm, digest=digest, signature=signature)


@pytest.mark.parametrize("custody", list(Custody))
def test_pkcs1_signatures_are_the_ones_of_nist(hsm, vault_key, custody):
    """PKCS#1 v1.5 has one right answer: make the signatures of the vectors whose key we can rebuild."""
    made = 0
    for record in cavp("RSA/FIPS_186-2/SigVer15_186-3.rsp"):
        if record["SHAAlg"] not in HASHES or not record["Result"].startswith("P"):
            continue
        private = _rsa_private(record)
        key = adopt(hsm, vault_key, binding(custody, parameter=record["mod"]), private)
        digest = HASHES[record["SHAAlg"]](bytes.fromhex(record["Msg"])).digest()
        signature = hsm.sign(key, algorithm="RS" + BITS[record["SHAAlg"]], digest=digest, vault_key=vault_key)
        assert signature == int(record["S"], 16).to_bytes(int(record["mod"]) // 8)
        made += 1
    assert made >= 3


def _rsa_private(record):
    p, q, d, e = record["p"], record["q"], int(record["d"], 16), int(record["e"], 16)
    return rsa.RSAPrivateNumbers(
        p=p, q=q, d=d, dmp1=rsa.rsa_crt_dmp1(d, p), dmq1=rsa.rsa_crt_dmq1(d, q), iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, p * q),
    ).private_key(unsafe_skip_rsa_key_validation=True)  # fmt: skip


def test_nist_ecdsa_signatures_are_judged_as_nist_judges(hsm):
    seen = {True: 0, False: 0}
    for record in cavp("ECDSA/FIPS_186-3/SigVer.rsp"):
        curve, _, digest_name = record["curve"].partition(",")
        if EC_HASH.get(curve) != digest_name:
            continue
        x, y = int(record["Qx"], 16), int(record["Qy"], 16)
        try:
            public = ec.EllipticCurvePublicNumbers(x, y, public_keys.CURVES[curve]).public_key()
        except ValueError:  # "Q changed": not a point of the curve, so it cannot even be stored
            assert record["Result"].startswith("F")
            seen[False] += 1
            continue
        key = adopt_public(hsm, binding(key_type=KeyType.EC, parameter=curve), public)
        width = public_keys.coordinate_bytes(curve)
        signature = int(record["R"], 16).to_bytes(width) + int(record["S"], 16).to_bytes(width)
        digest = HASHES[digest_name.replace("-", "")](bytes.fromhex(record["Msg"])).digest()
        good = hsm.verify(key, algorithm=EC_ALGORITHM[curve], digest=digest, signature=signature)
        assert good is record["Result"].startswith("P"), record
        seen[good] += 1
    assert (seen[True], seen[False]) >= (9, 30)


@pytest.mark.parametrize("custody", list(Custody))
def test_signatures_of_nists_private_keys_verify_with_nists_public_keys(hsm, vault_key, custody):
    used, curve, record = dict.fromkeys(EC_ALGORITHM, 0), "", {}
    for line in (VECTORS / "ECDSA/FIPS_186-3/KeyPair.rsp").read_text().splitlines():
        if line.startswith("[") and "-" in line[:4]:
            curve = line.strip("[]")
        name, _, value = (part.strip() for part in line.partition("="))
        record[name] = value
        if name != "Qy" or curve not in used:
            continue
        private = ec.derive_private_key(int(record["d"], 16), public_keys.CURVES[curve])
        numbers = private.public_key().public_numbers()
        assert (numbers.x, numbers.y) == (int(record["Qx"], 16), int(record["Qy"], 16))
        key = adopt(hsm, vault_key, binding(custody, KeyType.EC, curve), private)
        algorithm = EC_ALGORITHM[curve]
        digest = bytes(range(SIGNING[algorithm].digest.digest_size))
        signature = hsm.sign(key, algorithm=algorithm, digest=digest, vault_key=vault_key)
        used[curve] += hsm.verify(key, algorithm=algorithm, digest=digest, signature=signature)
    assert min(used.values()) >= 10


def test_secp256k1_signatures_verify(hsm):
    """The file's digests are SHA-384 and SHA-512 too: ES256K signs the first 32 bytes of any (SEC 1, 4.1.3)."""
    checked, record, hash_name = 0, {}, ""
    for line in (VECTORS / "ECDSA/SECP256K1/SigGen.txt").read_text().splitlines():
        if line.startswith("["):
            hash_name = line.strip("[]").partition(",")[2].replace("-", "")
        name, _, value = (part.strip() for part in line.partition("="))
        record[name] = value
        if name == "S" and hash_name in HASHES:
            numbers = ec.EllipticCurvePublicNumbers(int(record["Qx"], 16), int(record["Qy"], 16), ec.SECP256K1())
            key = adopt_public(hsm, binding(key_type=KeyType.EC, parameter="P-256K"), numbers.public_key())
            signature = int(record["R"], 16).to_bytes(32) + int(record["S"], 16).to_bytes(32)
            digest = HASHES[hash_name](bytes.fromhex(record["Msg"])).digest()[:32]
            checked += hsm.verify(key, algorithm="ES256K", digest=digest, signature=signature)
            assert not hsm.verify(key, algorithm="ES256K", digest=bytes(32), signature=signature)
    assert checked >= 10


@pytest.mark.parametrize("custody", list(Custody))
@pytest.mark.parametrize(
    ("file", "algorithm"),
    [
        ("RSA/pkcs1v15crypt-vectors.txt", "RSA1_5"),
        ("RSA/pkcs-1v2-1d2-vec/oaep-vect.txt", "RSA-OAEP"),
        ("RSA/oaep-custom/oaep-sha256-sha256.txt", "RSA-OAEP-256"),
    ],
)
def test_ciphertexts_of_the_vectors_open(hsm, vault_key, custody, file, algorithm):
    opened, adopted = 0, {}
    for numbers, message, ciphertext in examples(VECTORS / file):
        n, e = numbers.pop("n"), numbers.pop("e")
        if n not in adopted:
            private = rsa.RSAPrivateNumbers(**numbers, public_numbers=rsa.RSAPublicNumbers(e, n))
            what = binding(custody, parameter=str(len(ciphertext) * 8))
            adopted[n] = adopt(hsm, vault_key, what, private.private_key(unsafe_skip_rsa_key_validation=True))
        assert hsm.decrypt(adopted[n], algorithm=algorithm, ciphertext=ciphertext, vault_key=vault_key) == message
        opened += 1
    assert opened >= 30
