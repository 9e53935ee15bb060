"""Ed25519, ML-DSA and ML-KEM keys at the boundary: known answers, wrong input, and what SoftHSM cannot protect."""

import base64
import dataclasses
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, mlkem, rsa

from apps.hsm import generation
from apps.hsm.errors import BadCiphertext, BadParameter, BindingMismatch, UnsupportedAlgorithm
from apps.hsm.message_uses import MESSAGE_TYPES
from apps.hsm.types import ML_DSA, ML_KEM, Custody, KeyType
from tests.hsm.conftest import binding

MLDSA = {
    "ML-DSA-44": mldsa.MLDSA44PrivateKey,
    "ML-DSA-65": mldsa.MLDSA65PrivateKey,
    "ML-DSA-87": mldsa.MLDSA87PrivateKey,
}
MLKEM = {"ML-KEM-768": mlkem.MLKEM768PrivateKey, "ML-KEM-1024": mlkem.MLKEM1024PrivateKey}
ALGORITHMS = [(KeyType.OKP, "Ed25519"), *((KeyType.AKP, name) for name in ML_DSA)]
SIGNATURE_BYTES = {"Ed25519": 64, "ML-DSA-44": 2420, "ML-DSA-65": 3309, "ML-DSA-87": 4627}  # RFC 8032, FIPS 204 table 2
CIPHERTEXT_BYTES = {"ML-KEM-768": 1088, "ML-KEM-1024": 1568}  # FIPS 203 table 3


def imported(hsm, vault_key, private, key_type, parameter, **changes):
    material = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    target = binding(Custody.SOFTWARE, key_type, parameter, **changes)
    return hsm.import_key(target, material=material, vault_key=vault_key)


def raw(spki):
    return serialization.load_der_public_key(spki).public_bytes_raw()


def test_ed25519_gives_the_signature_of_rfc_8037(hsm, vault_key):
    """Appendix A: the key of A.1, the public half of A.2, the signing input and signature of A.4."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = imported(hsm, vault_key, ed25519.Ed25519PrivateKey.from_private_bytes(seed), KeyType.OKP, "Ed25519")
    assert base64.urlsafe_b64encode(raw(key.public_key)) == b"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    message = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = hsm.sign(key, algorithm="EdDSA", digest=message, vault_key=vault_key)
    published = b"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg=="
    assert base64.urlsafe_b64encode(signature) == published
    assert hsm.verify(key, algorithm="Ed25519", digest=message, signature=signature), "RFC 9864's name of it"


@pytest.mark.parametrize(
    ("algorithm", "thumbprint"),
    [
        ("ML-DSA-44", "T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o"),
        ("ML-DSA-65", "Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM"),
        ("ML-DSA-87", "tRn1JNIkgMsABVQBlXeDHxAIcclh-2IX0UdDEzPt5XU"),
    ],
)
def test_ml_dsa_derives_the_public_keys_of_rfc_9964(hsm, vault_key, algorithm, thumbprint):
    """Its appendix has keys of the seed 00...00; their kid is the thumbprint (RFC 7638), which covers all of them."""
    key = imported(hsm, vault_key, MLDSA[algorithm].from_seed_bytes(bytes(32)), KeyType.AKP, algorithm)
    public = base64.urlsafe_b64encode(raw(key.public_key)).decode().rstrip("=")
    text = json.dumps({"alg": algorithm, "kty": "AKP", "pub": public}, separators=(",", ":"))
    assert base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=") == thumbprint


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("ML-KEM-768", "c23e23dd3d485a9256cda09358a4a286e00b373db10761eadf99f710649ca31c"),
        ("ML-KEM-1024", "d2b7480ae006a14b37c1e8a8e45ea39022e32a9b1a7b90d594c84d869c6ac420"),
    ],
)
def test_ml_kem_derives_the_public_keys_of_rfc_9935(hsm, vault_key, algorithm, digest):
    """Its appendix C has the SubjectPublicKeyInfo of the seed 00 01 ... 3f."""
    key = imported(hsm, vault_key, MLKEM[algorithm].from_seed_bytes(bytes(range(64))), KeyType.AKP, algorithm)
    assert hashlib.sha256(key.public_key).hexdigest() == digest


@pytest.mark.parametrize(("key_type", "parameter"), ALGORITHMS)
def test_a_signature_is_of_one_message_and_one_key(hsm, make, vault_key, key_type, parameter):
    key = make(Custody.SOFTWARE, key_type, parameter)
    for message in (b"", b"hello", bytes(8192)):
        signature = hsm.sign(key, algorithm=parameter, digest=message, vault_key=vault_key)
        assert len(signature) == SIGNATURE_BYTES[parameter]
        assert hsm.verify(key, algorithm=parameter, digest=message, signature=signature)
        for wrong in (
            signature[:-1],
            signature + b"\0",
            bytes(len(signature)),
            b"",
            signature[:5] + b"\xff" + signature[6:],
        ):
            assert wrong == signature or not hsm.verify(key, algorithm=parameter, digest=message, signature=wrong)
        assert not hsm.verify(key, algorithm=parameter, digest=message + b"\0", signature=signature)


@pytest.mark.parametrize("algorithm", ML_DSA)
def test_ml_dsa_binds_a_context_and_takes_an_external_mu(hsm, make, vault_key, algorithm):
    key = make(Custody.SOFTWARE, KeyType.AKP, algorithm)
    signature = hsm.sign(key, algorithm=algorithm, digest=b"hello", context=b"v1", vault_key=vault_key)
    assert hsm.verify(key, algorithm=algorithm, digest=b"hello", context=b"v1", signature=signature)
    for other in (b"", b"v2", b"v1\0"):
        assert not hsm.verify(key, algorithm=algorithm, digest=b"hello", context=other, signature=signature)
    hashed = hashlib.shake_256(raw(key.public_key)).digest(
        64
    )  # FIPS 204 section 6.2: tr, then the message with context
    mu = hashlib.shake_256(hashed + b"\0\x02v1hello").digest(64)
    assert hsm.verify(key, algorithm=algorithm, digest=mu, external_mu=True, signature=signature)
    made = hsm.sign(key, algorithm=algorithm, digest=mu, external_mu=True, vault_key=vault_key)
    assert hsm.verify(key, algorithm=algorithm, digest=b"hello", context=b"v1", signature=made)
    for wrong in ({"digest": mu[:63], "external_mu": True}, {"digest": mu, "external_mu": True, "context": b"x"}):
        with pytest.raises(BadParameter):
            hsm.sign(key, algorithm=algorithm, vault_key=vault_key, **wrong)
    with pytest.raises(BadParameter):
        hsm.sign(key, algorithm=algorithm, digest=b"", context=bytes(256), vault_key=vault_key)


def test_only_ml_dsa_has_a_context(hsm, make, vault_key):
    key = make(Custody.SOFTWARE, KeyType.OKP, "Ed25519")
    for more in ({"context": b"v1"}, {"external_mu": True}):
        with pytest.raises(BadParameter):
            hsm.sign(key, algorithm="EdDSA", digest=bytes(64), vault_key=vault_key, **more)


@pytest.mark.parametrize("algorithm", ML_KEM)
def test_a_fresh_key_is_opened_by_its_key_only(hsm, make, vault_key, algorithm):
    key = make(Custody.SOFTWARE, KeyType.AKP, algorithm)
    ciphertext, secret = hsm.encapsulate(key, algorithm=algorithm)
    again, other = hsm.encapsulate(key, algorithm=algorithm)
    assert (len(ciphertext), len(secret)) == (CIPHERTEXT_BYTES[algorithm], 32)
    assert ciphertext != again and secret != other, "the key is not fresh"
    open_it = {"algorithm": algorithm, "vault_key": vault_key}
    assert hsm.decapsulate(key, ciphertext=ciphertext, **open_it) == secret
    changed = ciphertext[:-1] + bytes([ciphertext[-1] ^ 1])
    rejected = hsm.decapsulate(key, ciphertext=changed, **open_it)
    assert rejected != secret and rejected == hsm.decapsulate(key, ciphertext=changed, **open_it)
    for wrong in (b"", ciphertext[:-1], ciphertext + b"\0"):
        with pytest.raises(BadCiphertext):
            hsm.decapsulate(key, ciphertext=wrong, **open_it)


def test_an_algorithm_fits_its_own_keys_only(hsm, make, vault_key):
    names = ["EdDSA", "ES256", "RS256", "HS256", *ML_DSA, *ML_KEM, ""]
    for key_type, parameter in [*ALGORITHMS, (KeyType.AKP, "ML-KEM-768")]:
        key = make(Custody.SOFTWARE, key_type, parameter)
        for name in names:
            if name != parameter and (name, parameter) != ("EdDSA", "Ed25519"):
                with pytest.raises(UnsupportedAlgorithm):
                    hsm.sign(key, algorithm=name, digest=bytes(32), vault_key=vault_key)
                with pytest.raises(UnsupportedAlgorithm):
                    hsm.encapsulate(key, algorithm=name)
        for algorithm in ("RSA-OAEP-256", parameter):
            with pytest.raises(UnsupportedAlgorithm):
                hsm.encrypt(key, algorithm=algorithm, plaintext=b"x")


def test_a_key_does_only_what_it_is_bound_to(hsm, vault_key):
    signing = hsm.generate(
        binding(Custody.SOFTWARE, KeyType.AKP, "ML-DSA-44", operations=("verify",)), vault_key=vault_key
    )
    kem = hsm.generate(
        binding(Custody.SOFTWARE, KeyType.AKP, "ML-KEM-768", operations=("wrapKey",)), vault_key=vault_key
    )
    ciphertext, _ = hsm.encapsulate(kem, algorithm="ML-KEM-768")
    with pytest.raises(BindingMismatch):
        hsm.sign(signing, algorithm="ML-DSA-44", digest=b"x", vault_key=vault_key)
    with pytest.raises(BindingMismatch):
        hsm.decapsulate(kem, algorithm="ML-KEM-768", ciphertext=ciphertext, vault_key=vault_key)
    with pytest.raises(BindingMismatch):
        hsm.encapsulate(hsm.rebind(kem, operations=("unwrapKey",)), algorithm="ML-KEM-768")


@pytest.mark.parametrize("field", ["public_key", "blob", "mac"])
def test_a_changed_row_is_not_used(hsm, make, vault_key, field):
    """The HMAC covers these types as all others: public half, sealed private half, parameter."""
    key = make(Custody.SOFTWARE, KeyType.AKP, "ML-DSA-65")
    value = getattr(key, field)
    changed = dataclasses.replace(key, **{field: value[:-1] + bytes([value[-1] ^ 1])})
    other = dataclasses.replace(key, binding=dataclasses.replace(key.binding, parameter="ML-DSA-87"))
    for forged, algorithm in ((changed, "ML-DSA-65"), (other, "ML-DSA-87")):
        with pytest.raises(BindingMismatch):
            hsm.sign(forged, algorithm=algorithm, digest=b"x", vault_key=vault_key)
        with pytest.raises(BindingMismatch):
            hsm.verify(forged, algorithm=algorithm, digest=b"x", signature=b"x")


def test_imported_material_is_what_the_binding_says(hsm, vault_key):
    kinds = [
        (KeyType.OKP, "Ed25519", ed25519.Ed25519PrivateKey.generate()),
        *((KeyType.AKP, name, kind.generate()) for name, kind in {**MLDSA, **MLKEM}.items()),
        (KeyType.RSA, "2048", rsa.generate_private_key(65537, 2048)),
    ]
    for key_type, parameter, _ in kinds:
        for _, other, private in kinds:
            if other != parameter:
                with pytest.raises(BadParameter):
                    imported(hsm, vault_key, private, key_type, parameter)


@pytest.mark.parametrize(("key_type", "parameter"), [*ALGORITHMS, *((KeyType.AKP, name) for name in ML_KEM)])
def test_softhsm_protects_none_of_them(hsm, key_type, parameter):
    """Refused in a sentence that names the way out; nothing is made."""
    with pytest.raises(BadParameter, match="software-protected"):
        hsm.generate(binding(Custody.WRAPPED, key_type, parameter))
    assert not hsm.profile["ed25519_wrapped"]


def test_softhsm_makes_and_uses_ed25519_keys_but_does_not_wrap_them(hsm):
    """Which is why the probe looks at more than the list of mechanisms (pkcs11-facts.md section 17)."""
    assert {"EC_EDWARDS_KEY_PAIR_GEN", "EDDSA"} <= set(hsm.profile["mechanisms"])
    public, private = generation.generate_ed25519(hsm._session, "Ed25519")
    assert len(public[generation.Attribute.EC_POINT]) == 34
    for made in (public, private):
        made.destroy()


def test_a_key_of_these_types_is_not_brought_into_the_hsm(hsm):
    private = ed25519.Ed25519PrivateKey.generate()
    material = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(BadParameter, match="imported into the HSM"):
        hsm.import_key(binding(Custody.WRAPPED, KeyType.OKP, "Ed25519"), material=material)


@pytest.mark.parametrize("key_type", MESSAGE_TYPES)
def test_a_parameter_that_no_type_has_is_refused(hsm, vault_key, key_type):
    for parameter in ("ML-KEM-512", "Ed448", "", "2048"):
        for custody in Custody:
            with pytest.raises(BadParameter):
                hsm.generate(binding(custody, key_type, parameter), vault_key=vault_key)
