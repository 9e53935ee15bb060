"""The limits of data keys that encrypt, and of those that were opened."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultportal_client.encryption_key import EncryptionKey
from vaultportal_client.limits import Limits
from vaultportal_client.message import DataKey
from vaultportal_client.opened_keys import OpenedKeys
from vaultportal_client.secret_bytes import SecretBytes

DATA_KEY = DataKey(SecretBytes(bytes(32)))


def encryption_key(**limits):
    return EncryptionKey(DATA_KEY, b"header", {}, complete=True, limits=Limits(**limits), now=0.0)


@settings(max_examples=100, deadline=None)
@given(
    messages=st.integers(1, 20),
    most_bytes=st.integers(1, 100),
    sizes=st.lists(st.integers(0, 40), max_size=40),
    age=st.floats(1, 100),
    pause=st.floats(0, 10),
)
def test_no_limit_is_passed(messages, most_bytes, sizes, age, pause):
    key = encryption_key(max_messages=messages, max_bytes=most_bytes, max_age=age)
    now, taken = 0.0, []
    for size in sizes:
        number = key.take(size, now)
        allowed = len(taken) < messages and sum(taken) < most_bytes and now < age
        assert (number > 0) == allowed
        if number:
            taken.append(size)
            assert number == len(taken)
        now += pause
    assert len(taken) <= messages
    assert sum(taken[:-1]) < most_bytes


def test_no_number_is_given_twice_to_threads():
    key, numbers = encryption_key(max_messages=40_000), []

    def take():
        numbers.extend(key.take(1, 0.0) for _ in range(5000))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 40_001))
    assert key.take(1, 0.0) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=60))
def test_opened_keys_are_few_and_young(accesses):
    opened, put_at, now = OpenedKeys(most=4, age=10.0), {}, 0.0
    for number, pause in accesses:
        now += pause
        header = bytes([number])
        found = opened.get(header, now)
        if found is not None:
            assert now < put_at[number] + 10.0
        else:
            opened.put(header, DATA_KEY, now)
            put_at[number] = now
        assert len(opened) <= 4


@pytest.mark.parametrize(
    "limits",
    [
        *({"max_age": 0}, {"max_age": 90_000}, {"max_messages": 0}, {"max_messages": 2**32 + 1}, {"max_bytes": 0}),
        *({"version_check": -1}, {"opened_age": 90_000}, {"opened_keys": 0}, {"retry_after": -1}),
    ],
)
def test_limits_that_limit_nothing_are_refused(limits):
    with pytest.raises(ValueError, match=r"at most|at least|between"):
        Limits(**limits)
