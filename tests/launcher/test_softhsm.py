"""A token whose login was killed: SoftHSM leaves its head empty, and it must not be lost with all its keys."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from apps.launcher import softhsm, softhsm_tokens
from apps.launcher.account import Account
from apps.launcher.state import WORLDS, StateDirectory

WORLD = next(iter(WORLDS))
ROUNDS = 300
LOGIN = """
import sys, pkcs11
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
token.open(rw=True, user_pin=sys.stdin.read())
"""


@pytest.fixture
def state(tmp_path):
    state = StateDirectory(tmp_path / "state", Account())
    state.prepare()
    softhsm_tokens.initialise(state)
    softhsm.restore_or_back_up_token(state, WORLD)
    yield state
    state.clean_up()


@pytest.fixture
def head(state):
    (found,) = (state.directory / "tokens" / WORLD).glob("*/token.object")
    return found


def login(state):
    """A process that finds the token and logs in."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOGIN, softhsm.find_module(), f"vp-{WORLD}"],
        env={"SOFTHSM2_CONF": str(state.directory / f"softhsm-{WORLD}.conf"), "PATH": os.defpath},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdin.write(state.secret(f"pin-{WORLD}").encode())
    process.stdin.close()
    return process


def can_log_in(state):
    with login(state) as process:
        return process.wait(20) == 0


def test_a_token_without_its_head_is_lost_until_it_is_mended(state, head):
    assert can_log_in(state)
    head.write_bytes(b"")
    assert not can_log_in(state)
    softhsm.restore_or_back_up_token(state, WORLD)
    assert can_log_in(state)
    assert head.stat().st_mode & 0o077 == 0


def test_logins_that_are_killed_while_others_log_in_lose_no_token(state, head):
    for _ in range(ROUNDS):
        with contextlib.ExitStack() as stack:
            for process in [stack.enter_context(login(state)) for _ in range(6)]:
                time.sleep(random.uniform(0, 0.06))
                process.send_signal(signal.SIGKILL)
        if not head.read_bytes():
            break
    assert not head.read_bytes(), "no kill met a login: nothing is shown"
    assert not can_log_in(state)
    softhsm.restore_or_back_up_token(state, WORLD)
    assert can_log_in(state)


def test_a_pin_that_was_changed_is_kept(state, head):
    changed = bytes(byte ^ 1 for byte in head.read_bytes())
    head.write_bytes(changed)
    softhsm.restore_or_back_up_token(state, WORLD)
    head.write_bytes(b"")
    softhsm.restore_or_back_up_token(state, WORLD)
    assert head.read_bytes() == changed


def test_a_token_that_is_away_is_left_away(state, head):
    directory = head.parent
    directory.rename(directory.with_name("away"))
    (directory.with_name("away") / head.name).unlink()
    softhsm.restore_or_back_up_token(state, WORLD)
    assert not directory.exists()
