"""What the known-answer tests reach together; `vectors.py` has the table, and each test is held to its line of it."""

import pytest

from apps.hsm.algorithms import AUTHENTICATING, ENCRYPTING, SIGNING, SYMMETRIC
from apps.hsm.types import Custody
from tests.support.known_answers import CHECKS, CUSTODIES

# A module that refuses HMAC keys shorter than the hash leaves these without an answer: oct keys have 256 bits at most.
UNREACHED = {Custody.WRAPPED: {"HS384", "HS512"}, Custody.SOFTWARE: set()}


@pytest.mark.parametrize("custody", CUSTODIES)
def test_every_algorithm_is_held_to_published_answers(custody):
    reached = {algorithm for (algorithm, _), counts in CHECKS.items() if counts[CUSTODIES.index(custody)]}
    assert reached == {*SIGNING, *ENCRYPTING, *SYMMETRIC, *AUTHENTICATING} - UNREACHED[custody]


def test_there_are_enough_of_them():
    assert [sum(column) for column in zip(*CHECKS.values(), strict=True)] == [14734, 14754]
