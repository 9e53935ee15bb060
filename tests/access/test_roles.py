"""The catalogue of roles says in one sentence what each is for, and everybody shows that one."""

import re
from pathlib import Path

import pytest

from apps.domain.access.roles import ASSIGNABLE, ROLES

PAGE = Path(__file__).parents[2] / "docs" / "security-operations.md"


@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.codename)
def test_each_role_is_explained_shortly_and_in_sentences(role):
    assert 20 < len(role.explanation) <= 110
    assert role.explanation[0].isupper() and role.explanation.endswith(".")
    assert "Key Vault" not in role.explanation, "the name explains nothing"


def test_no_two_roles_are_explained_alike():
    assert len({role.explanation for role in ROLES.values()}) == len(ROLES)


@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.codename)
def test_a_sentence_promises_no_more_and_no_less_than_the_role_allows(role):
    """Where a sentence speaks of purging, of reading secrets or of nothing but using, the permissions say the same."""
    result, permissions = role.explanation, {str(permission) for permission in role.permissions}
    purges = any(name.endswith("/purge") for name in permissions)
    assert purges == ("purge" in result or result.startswith("Full access"))
    if "secrets/get" in permissions:
        assert "secret" in result or result.startswith("Full access")
        assert not re.search("No secrets|not read values|No access|Nothing else", result)
    if re.search("uses no key|Touches no key|No key", result):
        assert not permissions & {"keys/sign", "keys/decrypt", "keys/unwrapkey"}


def test_the_page_for_security_operations_has_the_same_sentences():
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+?) \|$", PAGE.read_text(), re.MULTILINE))
    assert rows == {role.codename: role.explanation for role in ASSIGNABLE}
