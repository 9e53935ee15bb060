"""What was withdrawn more than a second ago succeeds nowhere: in no web process and in no HSM worker.

The kinds and the places are those of `./portal bench revocation`, which measures how long each takes. Here each place
is asked right before, so that what its process remembers is new, and once a second after the commit. A slow machine
asks later, which changes nothing.
"""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.callers import Installation
from benchmarks.withdrawals import KINDS, SigningKeyRetired, TrustRemoved
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

AT_ONCE = 6
SECOND = 1.0
# The key's retirement ends the tokens of all tests: identity/test_token_key_commands.py. For the trust the web processes
# would have to accept this installation as an issuer: identity/test_assertions.py.
ELSEWHERE = {SigningKeyRetired, TrustRemoved}


@pytest.fixture(scope="module")
def site(stack):
    made = Installation()
    yield made
    made.close()


@pytest.fixture(scope="module")
def kinds(site):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda kind: kind(site), [kind for kind in KINDS if kind not in ELSEWHERE]))


def wait_given(questions):
    """Until each place answers at once."""
    found = []

    def all_succeed():
        found[:] = [(str(question), question.status()) for question in questions]
        return all(status == 200 for _, status in found)

    wait_until(all_succeed, found)


def first_answers(kind, questions):
    """What each place answers first, apart from "ask later"."""
    found = {}

    def all_answer():
        for number, question in enumerate(questions):
            if found.get(number) not in {200, *kind.refusals}:
                found[number] = question.status()
        return all(status in {200, *kind.refusals} for status in found.values())

    wait_until(all_answer, found)
    return list(zip(questions, found.values(), strict=True))


def late_successes(kind, withdraw):
    """Where a request succeeds that began a second after the withdrawal was committed."""
    kind.give()
    questions = kind.questions()
    wait_given(questions)
    withdraw(kind)
    statement, values = kind.row.still
    wait_until(lambda: not kind.site.select(statement, *values), f"{kind.name}: it is withdrawn")
    withdrawn = time.monotonic()
    time.sleep(withdrawn + SECOND - time.monotonic())  # what may be remembered is older now
    late = [f"{kind.name}: {question}" for question, status in first_answers(kind, questions) if status == 200]
    for question in questions:
        question.ask.close()
    return late


@pytest.mark.parametrize("way", ["as people do", "by SQL", "by SQL, without notifications"])
def test_no_request_succeeds_that_began_a_second_after_a_withdrawal(site, kinds, way):
    def withdraw(kind):
        (kind.withdraw if way == "as people do" else kind.withdraw_by_sql)()

    unread = site.unread_notes() if way.endswith("without notifications") else contextlib.nullcontext()
    with unread, ThreadPoolExecutor(AT_ONCE) as pool:
        found = [place for places in pool.map(lambda kind: late_successes(kind, withdraw), kinds) for place in places]
    assert found == []
