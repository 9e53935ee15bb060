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
