"""No two stored keys have the same bytes under the HMAC, also where their fields read alike one after another."""

import dataclasses

import pytest

from apps.hsm.binding import binding_bytes, software_context
from apps.hsm.types import Binding, Custody, KeyType, Origin, StoredKey

BINDING = Binding("w", 1, Custody.WRAPPED, "ab", "cd", "ef", KeyType.EC, "P-256", ("sign", "verify"))
KEY = StoredKey(BINDING, public_key=b"public", blob=b"blob", mac=b"")


@pytest.mark.parametrize(
    "shifted",
    [
        dataclasses.replace(BINDING, vault="a", name="bcd"),
        dataclasses.replace(BINDING, name="cde", version="f"),
        dataclasses.replace(BINDING, operations=("signverify",)),
        dataclasses.replace(BINDING, operations=("sign", "verify", "")),
        dataclasses.replace(BINDING, parameter="P-256sign", operations=("verify",)),
    ],
)
def test_text_that_moves_to_the_next_field_changes_the_bytes(shifted):
    assert binding_bytes(dataclasses.replace(KEY, binding=shifted)) != binding_bytes(KEY)
    if shifted.operations == BINDING.operations:  # which may change without another encryption
        assert software_context(shifted) != software_context(BINDING)


def test_bytes_that_move_between_the_public_key_and_the_blob_change_the_bytes():
    assert binding_bytes(dataclasses.replace(KEY, public_key=b"publicb", blob=b"lob")) != binding_bytes(KEY)


def test_the_bytes_are_those_that_stored_keys_were_bound_with():
    """Since version 0.4. With other bytes no stored key could be used before its world has bound it again."""
    identity = (b"w", b"1", b"wrapped", b"ab", b"cd", b"ef", b"EC", b"P-256")
    rest = (b"sign", b"verify", b"public", b"blob")
    assert binding_bytes(KEY) == joined(b"vault-portal/binding/1", *identity, *rest)
    exportable = dataclasses.replace(KEY, binding=dataclasses.replace(BINDING, exportable=True))
    assert binding_bytes(exportable) == joined(b"vault-portal/binding/1/exportable", *identity, *rest)
    assert software_context(BINDING) == joined(b"vault-portal/software-key/1", *identity)


def test_an_origin_or_a_restoration_gives_other_bytes_in_a_domain_of_their_own():
    origins = [(origin, restored) for origin in Origin for restored in (False, True)]
    bindings = [
        dataclasses.replace(BINDING, exportable=exportable, origin=origin, restored=restored)
        for origin, restored in origins
        for exportable in (False, True)
    ]
    made = {binding_bytes(dataclasses.replace(KEY, binding=one)) for one in bindings}
    assert len(made) == len(bindings) == 16
    generated = dataclasses.replace(BINDING, origin=Origin.GENERATED)
    identity = (b"w", b"1", b"wrapped", b"ab", b"cd", b"ef", b"EC", b"P-256")
    facts = (b"\0", b"\0", b"generated")
    expected = joined(b"vault-portal/binding/2", *facts, *identity, b"sign", b"verify", b"public", b"blob")
    assert binding_bytes(dataclasses.replace(KEY, binding=generated)) == expected
    assert software_context(generated) == software_context(BINDING), "a software key is not encrypted again"


def joined(*parts):
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
