"""A token whose login was killed: SoftHSM leaves its head empty, and it must not be lost with all its keys."""

import os
import signal
import subprocess
import sys

import pytest

from apps.launcher import softhsm, softhsm_tokens
from apps.launcher.state import WORLDS

WORLD = next(iter(WORLDS))
LOGIN = """
import resource, signal, sys, pkcs11
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
token = pkcs11.lib(sys.argv[1]).get_token(token_label=sys.argv[2])
token.open(rw=True, user_pin=sys.stdin.read())
"""


@pytest.fixture
def state(state):
    softhsm_tokens.initialise(state)
    softhsm.restore_or_back_up_token(state, WORLD)
    return state


@pytest.fixture
def head(state):
    (found,) = (state.directory / "tokens" / WORLD).glob("*/token.object")
    return found


def login(state, *, longest_file=2**20):
    """A process that finds the token and logs in; the kernel kills it when it writes a longer file."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOGIN, softhsm.find_module(), f"vp-{WORLD}", str(longest_file)],
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


@pytest.mark.parametrize("written", [8, 100])
def test_a_login_that_is_killed_while_it_writes_the_head_loses_no_token(state, head, written):
    with login(state, longest_file=written) as process:
        assert process.wait(20) == -signal.SIGXFSZ
    assert len(head.read_bytes()) == written
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
