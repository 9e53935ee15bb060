"""Waiting for conditions instead of sleeping. The limits are generous: they end a test that hangs, and measure nothing."""

import time

import pytest

LIMIT_SECONDS = 60.0


def wait_until(condition, what="the condition", *, seconds=LIMIT_SECONDS, pause=0.05):
    """The first true value of `condition()`; fails the test when there is none within the limit."""
    until = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > until:
            pytest.fail(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
    return value
