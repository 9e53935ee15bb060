"""Which vault is asked for what, and in which order: the decisions of the library, with vaults in memory."""

import pytest

from tests.client_library.local_vaults import AMERICA, EUROPE, LocalVaults
from vaultportal_client.envelope import Envelope, split_header
from vaultportal_client.errors import (
    KeyNotConfigured,
    KeyNotFound,
    KeyVersionDisabled,
    TamperedCiphertext,
    VaultUnreachable,
)
from vaultportal_client.limits import Limits
from vaultportal_client.wire_format import encode_copies, parse_header

LIMITS = Limits(retry_after=30.0)


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def vaults():
    return LocalVaults(EUROPE, AMERICA)


@pytest.fixture
def envelope(time):
    return Envelope([EUROPE, AMERICA], limits=LIMITS, minimum_copies=1, clock=time)


def encrypted(vaults, envelope, content=b"content"):
    key = vaults.run(envelope.new_key())
    return key.data_key.encrypt(key.header, 1, content, b"")


def decrypted(vaults, envelope, ciphertext):
    header, body = split_header(ciphertext)
    vaults.calls.clear()
    return vaults.run(envelope.open(header)).decrypt(body, b"")


def key_ids(ciphertext):
    return [copy.key_id for copy in parse_header(split_header(ciphertext)[0]).copies]


def test_a_new_data_key_is_wrapped_by_the_newest_version_of_every_key(vaults, envelope):
    newest = vaults.rotate(EUROPE)
    assert key_ids(encrypted(vaults, envelope)) == [newest, f"{AMERICA}/v1"]


@pytest.mark.parametrize("down", [EUROPE, AMERICA])
def test_content_is_readable_while_one_vault_does_not_answer(vaults, envelope, down):
    ciphertext = encrypted(vaults, envelope)
    vaults.down.add(down)
    assert decrypted(vaults, envelope, ciphertext) == b"content"


def test_a_vault_that_did_not_answer_is_asked_last_for_a_while(vaults, envelope, time):
    ciphertext = encrypted(vaults, envelope)
    vaults.down.add(EUROPE)
    decrypted(vaults, envelope, ciphertext)
    assert [vault for vault, _ in vaults.calls] == [EUROPE, AMERICA]
    decrypted(vaults, envelope, ciphertext)
    assert [vault for vault, _ in vaults.calls] == [AMERICA]
    vaults.down.clear()
    time.now += LIMITS.retry_after
    decrypted(vaults, envelope, ciphertext)
    assert [vault for vault, _ in vaults.calls] == [EUROPE]


def test_a_refusal_is_final(vaults, envelope):
    """A version that was disabled on purpose is not circumvented in the other region."""
    ciphertext = encrypted(vaults, envelope)
    vaults.disabled.add(f"{EUROPE}/v1")
    with pytest.raises(KeyVersionDisabled):
        decrypted(vaults, envelope, ciphertext)
    assert vaults.calls == [(EUROPE, "unwrapkey")]
    del vaults.versions[EUROPE]["v1"]
    with pytest.raises(KeyNotFound):
        decrypted(vaults, envelope, ciphertext)


def test_a_disabled_newest_version_ends_encryption(vaults, envelope):
    vaults.disabled.add(vaults.rotate(AMERICA))
    with pytest.raises(KeyVersionDisabled, match="Enable it, or rotate"):
        vaults.run(envelope.new_key())


def test_while_a_vault_is_down_its_copy_is_missing_and_the_data_key_is_replaced_soon(vaults, envelope, time):
    vaults.down.add(AMERICA)
    key = vaults.run(envelope.new_key())
    assert not key.complete
    assert list(key.key_ids.values()) == [f"{EUROPE}/v1"]
    assert envelope.next_check(complete=key.complete) == time.now + LIMITS.retry_after
    assert vaults.run(envelope.is_newest(key))
    vaults.down.clear()
    time.now += LIMITS.retry_after
    assert not vaults.run(envelope.is_newest(key))
    assert vaults.run(envelope.new_key()).complete


def test_a_known_outage_delays_no_new_data_key(vaults, envelope):
    vaults.down.add(EUROPE)
    vaults.run(envelope.new_key())
    vaults.calls.clear()
    vaults.run(envelope.new_key())
    assert [vault for vault, _ in vaults.calls] == [AMERICA, AMERICA]


def test_enough_copies_or_none(vaults, time):
    strict = Envelope([EUROPE, AMERICA], limits=LIMITS, minimum_copies=2, clock=time)
    vaults.down.add(AMERICA)
    with pytest.raises(VaultUnreachable, match="1 of 2 copies"):
        vaults.run(strict.new_key())
    vaults.down.add(EUROPE)
    with pytest.raises(VaultUnreachable):
        vaults.run(Envelope([EUROPE, AMERICA], limits=LIMITS, minimum_copies=1, clock=time).new_key())


def test_a_ciphertext_makes_the_client_call_no_other_vault(vaults, envelope, time):
    ciphertext = encrypted(vaults, envelope)
    elsewhere = Envelope(["https://asia.test/keys/documents"], limits=LIMITS, minimum_copies=1, clock=time)
    with pytest.raises(KeyNotConfigured, match=r"europe\.test/keys/documents"):
        decrypted(vaults, elsewhere, ciphertext)
    assert vaults.calls == []


def test_copies_of_two_data_keys_do_not_pass_for_one(vaults, envelope, time):
    """A header whose copies open to different data keys, for different contents by region, is refused in one of them."""
    key, other = vaults.run(envelope.new_key()), vaults.run(envelope.new_key())
    copies, others = (parse_header(each.header).copies for each in (key, other))
    covered_by_first = sealed_by(key, [copies[0], others[1]])
    assert vaults.run(envelope.open(covered_by_first))
    vaults.down.add(EUROPE)
    with pytest.raises(TamperedCiphertext):
        vaults.run(envelope.open(covered_by_first))


def sealed_by(key, copies):
    covered = encode_copies(copies)
    return covered + key.data_key.header_tag(covered)


def test_rewrapping_renews_the_copies_and_nothing_else(vaults, envelope):
    ciphertext = encrypted(vaults, envelope)
    newest = vaults.rotate(EUROPE)
    header, body = split_header(ciphertext)
    renewed = vaults.run(envelope.rewrap(header))
    assert key_ids(renewed + bytes(body)) == [newest, f"{AMERICA}/v1"]
    vaults.disabled.add(f"{EUROPE}/v1")
    assert decrypted(vaults, envelope, renewed + bytes(body)) == b"content"
    assert vaults.run(envelope.rewrap(renewed)) == renewed


def test_rewrapping_adds_a_missing_copy_and_keeps_those_of_other_keys(vaults, envelope, time):
    vaults.down.add(AMERICA)
    ciphertext = encrypted(vaults, envelope)
    vaults.down.clear()
    time.now += LIMITS.retry_after
    header = vaults.run(envelope.rewrap(split_header(ciphertext)[0]))
    assert key_ids(header) == [f"{EUROPE}/v1", f"{AMERICA}/v1"]
    vaults.rotate(AMERICA)
    american = Envelope([AMERICA], limits=LIMITS, minimum_copies=1, clock=time)
    assert key_ids(vaults.run(american.rewrap(header))) == [f"{AMERICA}/v2", f"{EUROPE}/v1"]


def test_versions_are_looked_up_once_for_many_ciphertexts_unless_refreshed(vaults, envelope):
    headers = [split_header(encrypted(vaults, envelope))[0] for _ in range(3)]
    vaults.calls.clear()
    assert [vaults.run(envelope.rewrap(header)) for header in headers] == headers
    assert vaults.calls == [(EUROPE, "get"), (AMERICA, "get")]
    newest = vaults.rotate(EUROPE)
    envelope.refresh()
    assert newest in key_ids(vaults.run(envelope.rewrap(headers[0])))


def test_rewrapping_needs_every_vault(vaults, envelope):
    ciphertext = encrypted(vaults, envelope)
    vaults.down.add(AMERICA)
    with pytest.raises(VaultUnreachable):
        vaults.run(envelope.rewrap(split_header(ciphertext)[0]))
