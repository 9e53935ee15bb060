"""Known answers of NIST (CAVP) for ECDSA on the curves of the contract.

ECDSA signs the leftmost bits of a digest, as many as the curve's order has (FIPS 186-4 section 6.4), as a number. So
a vector with any hash is one of the contract's algorithm: a longer digest is cut to its length, a shorter one has
zeros before it.
"""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from apps.hsm import public_keys
from apps.hsm.algorithms import SIGNING
from apps.hsm.types import KeyType
from tests.hsm.conftest import binding
from tests.support.imported_keys import adopt_public
from tests.support.known_answers import CUSTODIES, expected_checks, pkcs8, records

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
NIST_CURVE = {"K-256": "P-256K"}
SIGNATURES = {
    "ECDSA/FIPS_186-2/SigGen.txt": "S",
    "ECDSA/FIPS_186-2/SigVer.rsp": "Result",
    "ECDSA/FIPS_186-3/SigGen.txt": "S",
    "ECDSA/FIPS_186-3/SigVer.rsp": "Result",
}
SECP256K1 = {"ECDSA/SECP256K1/SigGen.txt": "S"}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("custody", CUSTODIES)]


def of_curve(files, curve):
    """The records of a curve, with the name of their hash; FIPS 186-2 knows SHA-1 only."""
    for path, last in files.items():
        for record in records(f"asymmetric/{path}", last=last):
            named, _, hash_name = record["section"].partition(",")
            if NIST_CURVE.get(named, named) == curve:
                yield record | {"hash": (hash_name or "SHA-1").replace("-", "").lower()}


def digest_of(record, algorithm):
    """The digest of the message, as long as the algorithm's."""
    size = SIGNING[algorithm].digest.digest_size
    return hashlib.new(record["hash"], bytes.fromhex(record["Msg"])).digest()[:size].rjust(size, b"\0")


def signature_of(record, curve):
    width = public_keys.coordinate_bytes(curve)
    return b"".join(int(record[name], 16).to_bytes(width) for name in ("R", "S"))


def public_of(record, curve):
    """The public key; None when it is no point of the curve, so that it cannot even be stored."""
    try:
        return ec.EllipticCurvePublicNumbers(
            int(record["Qx"], 16), int(record["Qy"], 16), public_keys.CURVES[curve]
        ).public_key()
    except ValueError:
        return None


@pytest.mark.parametrize("algorithm", list(CURVES))
def test_nist_signatures_are_judged_as_nist_judges(hsm, custody, algorithm):
    curve, checked = CURVES[algorithm], {True: 0, False: 0}
    for record in of_curve(SIGNATURES, curve):
        expected, public = record.get("Result", "P").startswith("P"), public_of(record, curve)
        if public is None:
            assert not expected
        else:
            key = adopt_public(hsm, binding(custody, KeyType.EC, curve), public)
            digest, signature = digest_of(record, algorithm), signature_of(record, curve)
            assert hsm.verify(key, algorithm=algorithm, digest=digest, signature=signature) is expected, record
        checked[expected] += 1
    assert sum(checked.values()) == expected_checks(custody, algorithm, "verify")
    assert checked[False] >= 60


def test_secp256k1_signatures_verify_and_prove_nothing_else(hsm, custody):
    checked = 0
    for record in of_curve(SECP256K1, "P-256K"):
        key = adopt_public(hsm, binding(custody, KeyType.EC, "P-256K"), public_of(record, "P-256K"))
        digest, signature = digest_of(record, "ES256K"), signature_of(record, "P-256K")
        assert hsm.verify(key, algorithm="ES256K", digest=digest, signature=signature), record
        assert not hsm.verify(key, algorithm="ES256K", digest=digest[::-1], signature=signature)
        checked += 1
    assert checked == expected_checks(custody, "ES256K", "verify")


def pairs(curve):
    """The key pairs that NIST gives for a curve; of 1 125 on secp256k1 those that sign SHA-256."""
    files = SECP256K1 if curve == "P-256K" else {name: last for name, last in SIGNATURES.items() if last == "S"}
    files |= {"ECDSA/FIPS_186-2/KeyPair.rsp": "Qy", "ECDSA/FIPS_186-3/KeyPair.rsp": "Qy"}
    seen = set()
    for record in of_curve(files, curve):
        if record["d"] not in seen and (curve != "P-256K" or record["hash"] == "sha256"):
            seen.add(record["d"])
            yield record


@pytest.mark.parametrize("algorithm", [*CURVES, "ES256K"])
def test_nist_private_keys_sign_for_nist_public_keys(hsm, vault_key, custody, algorithm):
    """The HSM derives the public point itself; ECDSA has no one right signature, so it is verified."""
    curve = SIGNING[algorithm].curve
    signed, what = 0, binding(custody, KeyType.EC, curve)
    for record in pairs(curve):
        private = ec.derive_private_key(int(record["d"], 16), public_keys.CURVES[curve])
        key = hsm.import_key(what, material=pkcs8(private), vault_key=vault_key)
        public = public_of(record, curve)
        assert key.public_key == public_keys.dump(public)
        digest = bytes(range(SIGNING[algorithm].digest.digest_size))
        signature = hsm.sign(key, algorithm=algorithm, digest=digest, vault_key=vault_key)
        assert hsm.verify(adopt_public(hsm, what, public), algorithm=algorithm, digest=digest, signature=signature)
        signed += 1
    assert signed == expected_checks(custody, algorithm, "sign")
