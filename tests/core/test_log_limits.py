"""What strangers cause in the logs is bounded, and nobody loses the number of lines that were left out."""

import io
import logging

import pytest

from apps.core.log_limits import LONGEST, MOST, MOST_OF_A_KIND, SECONDS, LimitedFormatter, LogLimits


@pytest.fixture
def log():
    """A logger with the handler of `settings.LOGGING`, whose clock the test moves."""
    clock, stream = [1000.0], io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(LogLimits(timer=lambda: clock[0]))
    handler.setFormatter(LimitedFormatter("%(message)s"))
    logger = logging.Logger("test")  # noqa: LOG001  of its own: no other handler sees it
    logger.addHandler(handler)
    return logger, clock, stream


def test_a_flood_of_one_kind_is_bounded_and_its_number_is_written(log):
    logger, clock, stream = log
    for number in range(1000):
        logger.warning("CSP report: %s", number)
    logger.warning("another kind")
    clock[0] += SECONDS
    logger.warning("a minute later")
    lines = stream.getvalue().splitlines()
    assert len(lines) == MOST_OF_A_KIND + 2
    assert lines[-1] == f"[{1000 - MOST_OF_A_KIND} lines left out] a minute later"


def test_many_kinds_are_bounded_in_total(log):
    logger, _, stream = log
    for number in range(10 * MOST):
        logger.warning(f"kind {number}")  # noqa: G004  a message without arguments
    assert len(stream.getvalue().splitlines()) == MOST


def test_a_long_line_is_cut(log):
    logger, _, stream = log
    logger.warning("%s", "x" * 10 * LONGEST)
    assert len(stream.getvalue()) < LONGEST + 100


def test_every_process_has_the_limits():
    from vaultportal.settings import base

    handlers = base.LOGGING["handlers"].values()
    assert handlers
    assert all(handler["filters"] == ["limits"] for handler in handlers)
