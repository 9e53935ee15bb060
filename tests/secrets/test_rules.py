"""What a secret may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.secrets import rules


def test_25600_bytes_are_accepted_and_25601_are_not():
    assert len(rules.encode_value("x" * 25_600)) == 25_600
    with pytest.raises(rules.SecretTooLong):
        rules.encode_value("x" * 25_601)


def test_bytes_count_not_characters():
    assert rules.encode_value("é" * 12_800)
    with pytest.raises(rules.SecretTooLong):
        rules.encode_value("é" * 12_801)


@given(st.text(max_size=200))
def test_every_unicode_text_survives(text):
    assert rules.encode_value(text).decode() == text


@given(st.text(max_size=20), st.characters(categories=["Cs"]), st.text(max_size=20))
def test_a_lone_surrogate_is_refused(before, surrogate, after):
    with pytest.raises(rules.BadSecret):
        rules.encode_value(before + surrogate + after)


@given(st.tuples(st.text(), st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text(), st.text()))
def test_two_places_never_share_a_context(one, other):
    def context(place):
        return rules.seal_context(world=place[0], vault_id=place[1], name=place[2], version=place[3])

    same_place = (*one[:2], one[2].lower(), one[3]) == (*other[:2], other[2].lower(), other[3])
    assert (context(one) == context(other)) is same_place


def test_a_disabled_secret_is_not_read():
    rules.check_read(enabled=True)
    with pytest.raises(rules.SecretDisabled):
        rules.check_read(enabled=False)
