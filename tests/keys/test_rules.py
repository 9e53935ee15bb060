"""What may be done with a key, and when."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.keys import rules
from apps.domain.keys.rules import NewKey

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Version:
    key_type: str = "RSA"
    parameter: str = "2048"
    operations: tuple[str, ...] = rules.OPERATIONS
    enabled: bool = True
    not_before: datetime | None = None
    expires: datetime | None = None


def use(version, operation="sign", algorithm="RS256", value=bytes(32), now=NOW):
    rules.check_use(version, operation=operation, algorithm=algorithm, value=value, now=now)


def test_a_usable_key_signs():
    use(Version())


@pytest.mark.parametrize("operation", rules.OPERATIONS)
def test_a_disabled_key_does_nothing(operation):
    with pytest.raises(rules.KeyDisabled):
        use(Version(enabled=False), operation, "RSA-OAEP-256", bytes(256))


@pytest.mark.parametrize("operation", ["sign", "encrypt", "wrapKey"])
@pytest.mark.parametrize("dates", [{"expires": NOW}, {"not_before": NOW + timedelta(seconds=1)}])
def test_outside_its_dates_a_key_makes_nothing_new(operation, dates):
    with pytest.raises(rules.KeyOutsideDates):
        use(Version(**dates), operation)


@pytest.mark.parametrize(
    ("operation", "algorithm", "value"),
    [("verify", "RS256", bytes(32)), ("decrypt", "RSA-OAEP", bytes(256)), ("unwrapKey", "RSA-OAEP-256", bytes(256))],
)
@pytest.mark.parametrize("dates", [{"expires": NOW}, {"not_before": NOW + timedelta(days=9)}])
def test_outside_its_dates_a_key_still_opens_and_verifies_what_is_old(operation, algorithm, value, dates):
    use(Version(**dates), operation, algorithm, value)


def test_an_operation_that_is_not_among_key_ops_is_refused():
    with pytest.raises(rules.KeyOperationForbidden):
        use(Version(operations=("verify",)))


@pytest.mark.parametrize(
    ("curve", "algorithm"), [("P-256", "ES256"), ("P-256K", "ES256K"), ("P-384", "ES384"), ("P-521", "ES512")]
)
def test_an_ec_algorithm_fits_its_curve_only(curve, algorithm):
    version = Version(key_type="EC", parameter=curve, operations=("sign", "verify"))
    digest = bytes(rules.ALGORITHMS[algorithm].digest_bytes)
    use(version, "sign", algorithm, digest)
    for other in ("ES256", "ES256K", "ES384", "ES512", "RS256", "RSA-OAEP", "none", ""):
        if other != algorithm:
            with pytest.raises(rules.BadKeyParameter):
                use(version, "sign", other, digest)


@given(st.binary(max_size=80), st.sampled_from([name for name, row in rules.ALGORITHMS.items() if row.digest_bytes]))
def test_a_digest_has_exactly_the_length_of_its_algorithm(digest, algorithm):
    row = rules.ALGORITHMS[algorithm]
    version = Version() if row.key_type == "RSA" else Version("EC", row.parameter, ("sign", "verify"))
    if len(digest) == row.digest_bytes:
        use(version, "sign", algorithm, digest)
    else:
        with pytest.raises(rules.BadKeyParameter):
            use(version, "sign", algorithm, digest)


@pytest.mark.parametrize(("algorithm", "longest"), [("RSA1_5", 245), ("RSA-OAEP", 214), ("RSA-OAEP-256", 190)])
def test_a_plaintext_fits_one_block(algorithm, longest):
    use(Version(), "encrypt", algorithm, bytes(longest))
    with pytest.raises(rules.BadKeyParameter):
        use(Version(), "encrypt", algorithm, bytes(longest + 1))


@pytest.mark.parametrize("length", [0, 1, 255, 257, 512])
def test_a_ciphertext_of_another_length_is_refused_like_one_that_does_not_open(length):
    with pytest.raises(rules.BadKeyParameter, match="The parameter is incorrect"):
        use(Version(), "decrypt", "RSA-OAEP", bytes(length))


@given(st.text(), st.text(), st.lists(st.text()))
def test_whatever_is_asked_for_a_new_key_is_made_or_refused(key_type, parameter, operations):
    with pytest.raises(rules.BadKeyParameter):
        rules.check_new(NewKey(key_type, True, parameter + "x", tuple(operations)))


@pytest.mark.parametrize(("key_type", "parameter"), [(t, p) for t, ps in rules.PARAMETERS.items() for p in ps])
def test_every_type_and_size_of_the_contract_can_be_made(key_type, parameter):
    rules.check_new(NewKey(key_type, True, parameter))


def test_an_ec_key_cannot_be_made_to_encrypt():
    with pytest.raises(rules.BadKeyParameter):
        rules.check_new(NewKey("EC", True, "P-256", ("sign", "encrypt")))


def test_a_key_cannot_expire_before_it_begins():
    spec = NewKey("EC", True, "P-256", not_before=NOW, expires=NOW)
    with pytest.raises(rules.BadKeyParameter):
        rules.check_new(spec)
    rules.check_new(replace(spec, expires=NOW + timedelta(seconds=1)))


AKP_VERSIONS = [Version("OKP", "Ed25519", ("sign", "verify"))] + [
    Version("AKP", parameter, rules.default_operations("AKP", parameter)) for parameter in rules.PARAMETERS["AKP"]
]


@pytest.mark.parametrize("version", AKP_VERSIONS, ids=lambda version: version.parameter)
def test_a_key_with_one_algorithm_does_only_what_that_does(version):
    own = {"Ed25519": {"EdDSA", "Ed25519"}}.get(version.parameter, {version.parameter})
    for algorithm in rules.ALGORITHMS:
        for operation in rules.OPERATIONS:
            fits = algorithm in own and operation in rules.ALGORITHMS[algorithm].operations
            value = bytes(rules.ML_KEM_CIPHERTEXT.get(algorithm, 32)) if operation != "wrapKey" else b""
            if fits:
                use(version, operation, algorithm, value)
            else:
                with pytest.raises((rules.BadKeyParameter, rules.KeyOperationForbidden)):
                    use(version, operation, algorithm, value)


def test_a_message_has_a_limit_and_a_kem_takes_no_key():
    use(AKP_VERSIONS[0], "sign", "EdDSA", bytes(8192))
    with pytest.raises(rules.BadKeyParameter, match="8192"):
        use(AKP_VERSIONS[0], "sign", "EdDSA", bytes(8193))
    kem = Version("AKP", "ML-KEM-768", ("wrapKey", "unwrapKey"))
    with pytest.raises(rules.BadKeyParameter, match="shared_secret"):
        use(kem, "wrapKey", "ML-KEM-768", b"x")
    for length in (0, 1087, 1089):
        with pytest.raises(rules.BadKeyParameter, match="The parameter is incorrect"):
            use(kem, "unwrapKey", "ML-KEM-768", bytes(length))


def test_only_an_akp_key_that_signs_may_leave_its_algorithm_out():
    signing = Version("AKP", "ML-DSA-65", ("sign", "verify"))
    assert rules.only_algorithm(signing, "sign") == rules.only_algorithm(signing, "verify") == "ML-DSA-65"
    for version, operation in (
        (Version(), "sign"),
        (AKP_VERSIONS[0], "sign"),
        (Version("AKP", "ML-KEM-768"), "wrapKey"),
        (signing, "wrapKey"),
    ):
        with pytest.raises(rules.BadKeyParameter, match="'alg' is required"):
            rules.only_algorithm(version, operation)


@pytest.mark.parametrize(
    ("parameter", "value", "context", "external_mu"),
    [
        ("Ed25519", b"", b"x", False),
        ("ML-KEM-768", bytes(64), b"", True),
        ("ML-DSA-65", bytes(64), b"x", True),
        ("ML-DSA-65", bytes(63), b"", True),
        ("ML-DSA-65", b"", bytes(256), False),
    ],
)
def test_a_context_or_mu_that_does_not_fit_is_refused(parameter, value, context, external_mu):
    version = Version("OKP" if parameter == "Ed25519" else "AKP", parameter)
    with pytest.raises(rules.BadKeyParameter):
        rules.check_message(version, value=value, context=context, external_mu=external_mu)


def test_the_hsm_of_a_world_decides_which_types_it_protects():
    every = frozenset({"RSA", "EC", "oct"})
    for key_type, parameters in rules.PARAMETERS.items():
        for parameter in parameters:
            rules.check_protection(NewKey(key_type, False, parameter), hsm_key_types=every)
            if key_type in every:
                rules.check_protection(NewKey(key_type, True, parameter), hsm_key_types=every)
            else:
                with pytest.raises(rules.BadKeyParameter, match=f"Use '{key_type}'"):
                    rules.check_protection(NewKey(key_type, True, parameter), hsm_key_types=every)
    rules.check_protection(NewKey("OKP", True, "Ed25519"), hsm_key_types=every | {"OKP"})


def test_key_exchange_keys_are_rsa_in_the_hsm_or_ml_kem_768():
    rules.check_new(NewKey("RSA", True, "2048", ("import",)))
    rules.check_new(NewKey("AKP", False, "ML-KEM-768", ("import",)))
    for spec in (NewKey("RSA", False, "2048", ("import",)), NewKey("AKP", False, "ML-KEM-1024", ("import",))):
        with pytest.raises(rules.BadKeyParameter):
            rules.check_new(spec)
    exchange = Version("AKP", "ML-KEM-768", ("import",))
    rules.check_key_exchange_key(exchange, now=NOW, key_type="AKP")
    for version, key_type in ((exchange, "RSA"), (Version(operations=("import",)), "AKP")):
        with pytest.raises(rules.BadKeyParameter, match="pq_kid"):
            rules.check_key_exchange_key(version, now=NOW, key_type=key_type)
