"""A reader that leaves, as `head` does, ends a command quietly."""

import os
import subprocess
import sys

import pytest

from apps.launcher.account import ROOT

ENDED_BY_SIGPIPE = 141  # what a shell tells of `cat` and others


@pytest.mark.parametrize("arguments", [["help", "status"], ["doctor"]])
def test_a_command_whose_reader_is_gone_prints_no_error(arguments):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *arguments],
            env={"PATH": os.environ["PATH"]},  # with the launcher's settings
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    assert done.returncode == ENDED_BY_SIGPIPE
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
