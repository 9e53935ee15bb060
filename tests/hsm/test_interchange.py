"""One key in both custodies: what the HSM makes, `cryptography` opens and verifies, and the other way round."""

import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from apps.hsm import public_keys
from apps.hsm.algorithms import AUTHENTICATING, ENCRYPTING, SIGNING, SYMMETRIC, Mode
from apps.hsm.errors import BadCiphertext, HsmError
from apps.hsm.types import Custody, KeyType
from tests.hsm.conftest import binding
from tests.support.known_answers import bring_secret, pkcs8

HARD, SOFT = Custody.WRAPPED, Custody.SOFTWARE
DIRECTIONS = [(HARD, SOFT), (SOFT, HARD)]
RSA_BITS = ("2048", "3072", "4096")
RSA_SIGNING = [name for name, row in SIGNING.items() if row.key_type is KeyType.RSA]
EC_SIGNING = [name for name, row in SIGNING.items() if row.key_type is KeyType.EC]

both_ways = pytest.mark.parametrize(("maker", "taker"), DIRECTIONS, ids=["hsm-makes", "software-makes"])


@pytest.fixture(scope="module")
def rsa_keys(hsm, vault_key):
    """{bits: (private key, {custody: stored key})}."""
    made = {}
    for bits in RSA_BITS:
        private = rsa.generate_private_key(public_exponent=65537, key_size=int(bits))
        material = pkcs8(private)
        made[bits] = (
            private,
            {
                custody: hsm.import_key(binding(custody, parameter=bits), material=material, vault_key=vault_key)
                for custody in Custody
            },
        )
    return made


@pytest.fixture(scope="module")
def secrets(hsm, vault_key):
    """{bits: {custody: stored key}} of AES keys, which are HMAC keys as well."""
    made = {}
    for bits in ("128", "192", "256"):
        material = os.urandom(int(bits) // 8)
        made[bits] = {custody: bring_secret(hsm, vault_key, custody, material) for custody in Custody}
    return made


def digest_for(algorithm):
    return os.urandom(SIGNING[algorithm].digest.digest_size)


def flipped(value):
    return bytes([value[0] ^ 1]) + value[1:]


@both_ways
@pytest.mark.parametrize("bits", RSA_BITS)
@pytest.mark.parametrize("algorithm", RSA_SIGNING)
def test_an_rsa_signature_of_one_custody_verifies_in_the_other(hsm, vault_key, rsa_keys, algorithm, bits, maker, taker):
    private, keys = rsa_keys[bits]
    digest, row = digest_for(algorithm), SIGNING[algorithm]
    signature = hsm.sign(keys[maker], algorithm=algorithm, digest=digest, vault_key=vault_key)
    assert hsm.verify(keys[taker], algorithm=algorithm, digest=digest, signature=signature)
    private.public_key().verify(signature, digest, row.padding, Prehashed(row.digest))
    for bad in (flipped(signature), signature[:-1], signature + b"\0", b""):
        assert not hsm.verify(keys[taker], algorithm=algorithm, digest=digest, signature=bad)
    assert not hsm.verify(keys[taker], algorithm=algorithm, digest=flipped(digest), signature=signature)
    for other in set(RSA_SIGNING) - {algorithm}:
        if SIGNING[other].digest.name == row.digest.name:
            assert not hsm.verify(keys[taker], algorithm=other, digest=digest, signature=signature)


@pytest.mark.parametrize("bits", RSA_BITS)
@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_both_custodies_make_the_same_pkcs1_signature(hsm, vault_key, rsa_keys, algorithm, bits):
    digest, keys = digest_for(algorithm), rsa_keys[bits][1]
    given = {"algorithm": algorithm, "digest": digest, "vault_key": vault_key}
    assert hsm.sign(keys[HARD], **given) == hsm.sign(keys[SOFT], **given)


@both_ways
@pytest.mark.parametrize("algorithm", EC_SIGNING)
def test_an_ec_signature_of_one_custody_verifies_in_the_other(hsm, vault_key, algorithm, maker, taker):
    curve = SIGNING[algorithm].curve
    private = ec.generate_private_key(public_keys.CURVES[curve])
    maker_key, taker_key = (
        hsm.import_key(binding(custody, KeyType.EC, curve), material=pkcs8(private), vault_key=vault_key)
        for custody in (maker, taker)
    )
    for _ in range(20):
        digest = digest_for(algorithm)
        signature = hsm.sign(maker_key, algorithm=algorithm, digest=digest, vault_key=vault_key)
        assert len(signature) == 2 * public_keys.coordinate_bytes(curve)
        assert hsm.verify(taker_key, algorithm=algorithm, digest=digest, signature=signature)
        assert public_keys.is_signature(private.public_key(), SIGNING[algorithm], digest, signature)
        for bad in (flipped(signature), signature[:-1], signature + b"\0", b""):
            assert not hsm.verify(taker_key, algorithm=algorithm, digest=digest, signature=bad)


@both_ways
@pytest.mark.parametrize("bits", RSA_BITS)
@pytest.mark.parametrize("algorithm", list(ENCRYPTING))
def test_what_is_encrypted_for_one_custody_opens_in_the_other(hsm, vault_key, rsa_keys, algorithm, bits, maker, taker):
    private, keys = rsa_keys[bits]
    overhead = {"RSA1_5": 11, "RSA-OAEP": 42, "RSA-OAEP-256": 66}[algorithm]
    for size in (0, 1, 16, 32, int(bits) // 8 - overhead):
        plaintext = os.urandom(size)
        ciphertext = hsm.encrypt(keys[maker], algorithm=algorithm, plaintext=plaintext, vault_key=vault_key).ciphertext
        given = {"algorithm": algorithm, "ciphertext": ciphertext, "vault_key": vault_key}
        assert hsm.decrypt(keys[taker], **given) == plaintext
        assert private.decrypt(ciphertext, ENCRYPTING[algorithm].padding) == plaintext


def lengths(mode):
    """Plaintexts that a mode takes: whole blocks for CBC, which fills up, and of eight bytes for key wrapping."""
    return {
        Mode.GCM: (0, 1, 15, 16, 17, 4096),
        Mode.CBC: (16, 32, 4096),
        Mode.CBC_PAD: (0, 1, 15, 16, 17, 4096),
        Mode.KEY_WRAP: (16, 24, 32, 64, 4096),
    }[mode]


@both_ways
@pytest.mark.parametrize("algorithm", list(SYMMETRIC))
def test_what_one_custody_encrypts_or_wraps_opens_in_the_other(hsm, vault_key, secrets, algorithm, maker, taker):
    row = SYMMETRIC[algorithm]
    keys = secrets[row.parameter]
    aad = b"context" if row.mode is Mode.GCM else b""
    for size in lengths(row.mode):
        plaintext, iv = os.urandom(size), os.urandom(16)
        made = hsm.encrypt(keys[maker], algorithm=algorithm, plaintext=plaintext, iv=iv, aad=aad, vault_key=vault_key)
        given = {"algorithm": algorithm, "iv": made.iv, "tag": made.tag, "aad": aad, "vault_key": vault_key}
        assert hsm.decrypt(keys[taker], ciphertext=made.ciphertext, **given) == plaintext
        if row.mode is Mode.KEY_WRAP:
            again = hsm.encrypt(keys[taker], algorithm=algorithm, plaintext=plaintext, vault_key=vault_key)
            assert again.ciphertext == made.ciphertext
            with pytest.raises(BadCiphertext):
                hsm.decrypt(keys[taker], ciphertext=flipped(made.ciphertext), **given)
        if row.mode is Mode.GCM:
            with pytest.raises(BadCiphertext):
                hsm.decrypt(keys[taker], ciphertext=made.ciphertext, **given | {"tag": flipped(made.tag)})
            with pytest.raises(BadCiphertext):
                hsm.decrypt(keys[taker], ciphertext=made.ciphertext, **given | {"aad": b"another"})


@pytest.mark.parametrize("algorithm", [name for name, row in SYMMETRIC.items() if row.mode in (Mode.CBC, Mode.CBC_PAD)])
def test_both_custodies_make_the_same_cbc_and_fill_up_alike(hsm, vault_key, secrets, algorithm):
    row = SYMMETRIC[algorithm]
    for size in (1, 15, 16, 17, 100):
        plaintext, iv = os.urandom(size), os.urandom(16)
        made = {
            custody: hsm.encrypt(key, algorithm=algorithm, plaintext=plaintext, iv=iv, vault_key=vault_key)
            for custody, key in secrets[row.parameter].items()
        }
        assert made[HARD] == made[SOFT]
        filled = plaintext + (bytes(-size % 16) if row.mode is Mode.CBC else b"")
        for key in secrets[row.parameter].values():
            ciphertext = made[HARD].ciphertext
            answer = hsm.decrypt(key, algorithm=algorithm, ciphertext=ciphertext, iv=iv, vault_key=vault_key)
            assert answer == filled


@both_ways
def test_a_mac_of_one_custody_verifies_in_the_other(hsm, vault_key, secrets, maker, taker):
    for size in (0, 1, 64, 1000):
        given = {"algorithm": "HS256", "digest": os.urandom(size), "vault_key": vault_key}
        mac = hsm.sign(secrets["256"][maker], **given)
        assert hsm.verify(secrets["256"][taker], **given, signature=mac)
        assert not hsm.verify(secrets["256"][taker], **given, signature=flipped(mac))


@pytest.mark.parametrize("bits", ["128", "192", "256"])
@pytest.mark.parametrize("algorithm", list(AUTHENTICATING))
def test_a_mac_that_one_custody_refuses_the_other_still_makes(hsm, vault_key, secrets, algorithm, bits):
    """SoftHSM makes no HMAC with a key shorter than the hash, which leaves HS384 and HS512 to software."""
    given = {"algorithm": algorithm, "digest": b"data", "vault_key": vault_key}
    mac = hsm.sign(secrets[bits][SOFT], **given)
    assert hsm.verify(secrets[bits][SOFT], **given, signature=mac)
    if int(bits) // 8 < AUTHENTICATING[algorithm].digest.digest_size:
        with pytest.raises(HsmError):
            hsm.sign(secrets[bits][HARD], **given)
        with pytest.raises(HsmError):
            hsm.verify(secrets[bits][HARD], **given, signature=mac)
    else:
        assert hsm.sign(secrets[bits][HARD], **given) == mac
