"""docs/key-types.md lists the types, parameters, operations and algorithms of the rules, and no others."""

from pathlib import Path

from apps.domain.keys import rules
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import hsm_key_types

PAGE = (Path(__file__).parents[2] / "docs" / "key-types.md").read_text()
MEMBERS = {"RSA": "key_size", "oct": "key_size", "EC": "crv", "OKP": "crv", "AKP": "alg"}


def rows():
    """One row for the parameters of a type that have the same operations and algorithms, in the order of the rules."""
    in_softhsm = hsm_key_types(SecurityWorld(profile={"ed25519_wrapped": False}))
    merged = {}
    for key_type, parameters in rules.PARAMETERS.items():
        for parameter in parameters:
            operations = ", ".join(rules.default_operations(key_type, parameter))
            names = {
                operation: ", ".join(
                    name
                    for name, row in rules.ALGORITHMS.items()
                    if row.key_type == key_type and row.parameter in ("", parameter) and operation in row.operations
                )
                for operation in ("sign", "encrypt", "wrapKey")
            }
            cell = "; ".join(f"{operation}: {text}" for operation, text in names.items() if text)
            hsm = f"{key_type}-HSM" if key_type in in_softhsm else "none"
            merged.setdefault((key_type, MEMBERS[key_type], operations, cell, hsm), []).append(parameter)
    for (key_type, member, operations, cell, hsm), parameters in merged.items():
        yield f"| {key_type} | {hsm} | `{member}`: {', '.join(parameters)} | {operations} | {cell} |"


def test_the_table_is_that_of_the_rules():
    begin = PAGE.index("| type |")
    table = PAGE[begin : PAGE.index("\n\n", begin)].splitlines()[2:]
    assert table == list(rows())


def test_the_page_names_no_algorithm_that_is_not_there():
    assert "no ML-KEM-512" in PAGE
    assert "ML-KEM-512" not in rules.ALGORITHMS
