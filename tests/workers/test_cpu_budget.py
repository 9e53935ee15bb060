"""The log verifier's limit of processor time."""

import pytest

from apps.workers.log_verifier.cpu_budget import CpuBudget


class Times:
    cpu = clock = 0.0


@pytest.fixture
def times():
    return Times()


@pytest.fixture
def budget(times):
    return CpuBudget(share=0.02, cpu=lambda: times.cpu, clock=lambda: times.clock)


def test_a_minute_of_unused_time_may_be_used_at_once_but_no_more(times, budget):
    times.clock, times.cpu = 3600.0, 1.2
    assert budget.pause(0.02) == 0
    times.cpu += 0.1
    assert budget.pause(0.02) == pytest.approx(5.0)


def test_the_average_of_a_busy_process_is_its_share(times, budget):
    while times.clock < 3600:
        times.cpu += 0.3
        times.clock += 0.3 + budget.pause(0.02)
    assert times.cpu / times.clock == pytest.approx(0.02, rel=0.05)


def test_a_larger_share_shortens_the_pause(times, budget):
    times.cpu = 2.2
    assert budget.pause(0.25) == pytest.approx(4.0)
