"""The operation that tests whether a key works. Pure."""

from typing import NamedTuple

from apps.domain.keys import rules


class TestOperation(NamedTuple):
    """An operation as key_ops name it, and an algorithm that fits the key."""

    operation: str
    algorithm: str


def default_test_operation(version: rules.UsableKeyState) -> TestOperation:
    """Choose signing where the key may sign, else wrapping. AES and ML-KEM keys wrap."""
    if version.key_type == "oct":
        return TestOperation(rules.WRAP, f"A{version.parameter}KW")
    if version.key_type == "OKP":
        return TestOperation(rules.SIGN, "EdDSA")
    if version.key_type == "AKP":
        return TestOperation(rules.WRAP if is_kem(version) else rules.SIGN, version.parameter)
    allowed = set(version.operations)
    if version.key_type == "RSA" and rules.SIGN not in allowed and rules.WRAP in allowed:
        return TestOperation(rules.WRAP, "RSA-OAEP-256")
    return TestOperation(rules.SIGN, "RS256" if version.key_type == "RSA" else rules.EC_ALGORITHMS[version.parameter])


def is_kem(version: rules.UsableKeyState) -> bool:
    """True for an ML-KEM key, which wraps only keys that the vault makes."""
    return version.parameter in rules.ML_KEM_CIPHERTEXT
