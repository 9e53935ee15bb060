"""Fair turns: who waits, who is next, and who is refused."""

import threading

import pytest

from apps.core import busy
from apps.core.busy import Busy, FairTurns
from tests.support.waiting import wait_until


def start(turns, sender, served, release):
    """A request of the sender that holds its turn until `release`."""

    def work():
        with turns.taken(sender):
            served.append(sender)
            release.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def waiting(turns):
    return sum(map(len, turns._waiting.values()))


def test_a_free_turn_goes_to_the_sender_with_the_fewest():
    turns, served, first = FairTurns(3, longest_wait=20), [], [threading.Event() for _ in range(3)]
    threads = [start(turns, "burst", served, event) for event in first]
    wait_until(lambda: len(served) == 3, "all turns of the burst")
    later = threading.Event()
    for count, sender in enumerate(["burst", "burst", "quiet", "another"]):
        threads.append(start(turns, sender, served, later))
        wait_until(lambda expected=count + 1: waiting(turns) == expected, "the next in the queue")
    first[0].set()
    wait_until(lambda: len(served) == 4, "the turn of the quiet sender")
    first[1].set()
    wait_until(lambda: len(served) == 5, "the turn of the other one")
    first[2].set()
    later.set()
    for thread in threads:
        thread.join()
    assert served == ["burst"] * 3 + ["quiet", "another", "burst", "burst"]
    assert turns._free == 3 and not turns._turns and not turns._waiting


def test_senders_who_are_equal_take_turns():
    turns, served, first, later = FairTurns(1, longest_wait=20), [], threading.Event(), threading.Event()
    threads = [start(turns, "a", served, first)]
    wait_until(lambda: served == ["a"], "the first turn")
    for count, sender in enumerate("aaabbb"):
        threads.append(start(turns, sender, served, later))
        wait_until(lambda expected=count + 1: waiting(turns) == expected, "the next in the queue")
    later.set()
    first.set()
    for thread in threads:
        thread.join()
    assert "".join(served) == "aababab"


def test_who_waits_too_long_is_refused_and_leaves_nothing():
    turns = FairTurns(1, longest_wait=0.05)
    with turns.taken("a"):
        for _ in range(3):
            with pytest.raises(Busy) as refused, turns.taken("b"):
                pass
            assert 1 <= refused.value.retry_after <= 10
    assert not turns._waiting and not turns._turns
    with turns.taken("b"):
        pass


def test_waits_before_they_are_repeated_differ():
    assert len({Busy().retry_after for _ in range(100)}) > 3


def test_beside_others_a_sender_has_a_part_of_the_turns_until_the_others_are_gone(monkeypatch):
    monkeypatch.setattr(busy, "_SHARED_SECONDS", 3600)  # longer than the test
    turns, served, ends = FairTurns(6, longest_wait=20, beside_others=2), [], [threading.Event() for _ in range(4)]
    threads = [start(turns, "burst", served, ends[0]) for _ in range(3)]
    wait_until(lambda: len(served) == 3, "alone, more than its part")
    threads.append(start(turns, "quiet", served, ends[1]))
    wait_until(lambda: served.count("quiet") == 1, "the other sender's turn")
    threads += [start(turns, "burst", served, ends[2]) for _ in range(4)]
    wait_until(lambda: waiting(turns) == 4, "the burst waits although turns are free")
    assert turns._free == 2
    ends[0].set()
    wait_until(lambda: served.count("burst") == 5, "its part")
    assert (turns._turns["burst"], waiting(turns), turns._free) == (2, 2, 3)
    ends[1].set()
    wait_until(lambda: "quiet" not in turns._turns, "the other sender is gone")
    turns._shared_until = 0.0  # the time has passed
    threads.append(start(turns, "burst", served, ends[3]))
    wait_until(lambda: served.count("burst") == 8, "turns again for those who waited")
    for end in ends:
        end.set()
    for thread in threads:
        thread.join()
    assert turns._free == 6 and not turns._turns and not turns._waiting
