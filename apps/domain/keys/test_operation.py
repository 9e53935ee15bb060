"""Which use of a key shows that it works. Pure."""

from typing import NamedTuple

from apps.domain.keys import rules

_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "P-256K": "ES256K"}


class TestOperation(NamedTuple):
    """`operation` as key_ops name it, and an algorithm that fits the key."""

    operation: str
    algorithm: str


def default_test_operation(version: rules.UsableKeyState) -> TestOperation:
    """Signing, where the key may sign; else wrapping. AES keys wrap."""
    if version.key_type == "oct":
        return TestOperation(rules.WRAP, f"A{version.parameter}KW")
    allowed = set(version.operations)
    if version.key_type == "RSA" and rules.SIGN not in allowed and rules.WRAP in allowed:
        return TestOperation(rules.WRAP, "RSA-OAEP-256")
    return TestOperation(rules.SIGN, "RS256" if version.key_type == "RSA" else _CURVES.get(version.parameter, "ES256"))
