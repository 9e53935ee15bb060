"""The one builder of templates: what it refuses would abort the process or leave a key unprotected."""

import pytest
from pkcs11 import Attribute, KeyType, ObjectClass

from apps.hsm import templates


@pytest.mark.parametrize(
    "template",
    [
        {Attribute.LABEL: "\ud800"},
        {Attribute.LABEL: "é"},
        {Attribute.LABEL: "a\0b"},
        {Attribute.LABEL: b"bytes"},
        {Attribute.ID: "text"},
        {Attribute.SENSITIVE: 1},
        {Attribute.SENSITIVE: None},
        {Attribute.CLASS: 3},
        {Attribute.VALUE_LEN: "32"},
        {Attribute.VALUE_LEN: True},
        {Attribute.VALUE_LEN: -1},
        {Attribute.ALLOWED_MECHANISMS: [0x210A]},
        {Attribute.UNWRAP_TEMPLATE: []},
    ],
    ids=ascii,
)
def test_the_builder_refuses_what_would_abort_the_process(template):
    with pytest.raises(templates.UnsafeTemplate):
        templates.check_template(template)


@pytest.mark.parametrize("missing", templates._PROTECTIVE)
def test_the_builder_refuses_an_incomplete_protection(missing):
    good = templates.unwrapped_key(Attribute.SIGN, object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA)
    incomplete = {name: value for name, value in good.items() if name is not missing}
    weakened = good | {missing: not good[missing]}
    for template in (incomplete, weakened):
        with pytest.raises(templates.UnsafeTemplate):
            templates.check_template(template, protective=templates._PROTECTIVE)


@pytest.mark.parametrize(
    ("purpose", "object_class"),
    [
        (Attribute.ENCRYPT, ObjectClass.PRIVATE_KEY),
        (Attribute.WRAP, ObjectClass.PRIVATE_KEY),
        (Attribute.EXTRACTABLE, ObjectClass.PRIVATE_KEY),
        (Attribute.EXTRACTABLE, ObjectClass.SECRET_KEY),
    ],
)
def test_what_is_no_use_of_a_class_is_no_purpose(purpose, object_class):
    with pytest.raises(templates.UnsafeTemplate):
        templates.unwrapped_key(purpose, object_class=object_class, key_type=KeyType.AES)


@pytest.mark.parametrize("object_class", templates._USES)
def test_a_usable_key_has_exactly_one_use(object_class):
    for purpose in templates._USES[object_class]:
        template = templates.unwrapped_key(purpose, object_class=object_class, key_type=KeyType.AES)
        assert [use for use in templates._USES[object_class] if template[use]] == [purpose]


def test_a_world_that_is_no_ascii_never_reaches_the_module(hsm):
    for world in ("\ud800", "é", "a\0b"):
        with pytest.raises(templates.UnsafeTemplate):
            hsm.create_masters(world=world, generation=1)
