"""Python programs beside the running system, with the settings and the database role of one of its processes."""

import atexit
import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_COMMAND = "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)"


def environment(settings, role):
    """Variables of a process with these settings and this database role."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": f"vaultportal.settings.{settings}",
        "DATABASE_URL": os.environ[f"{role}_DATABASE_URL"],
        "DELIVERY_ROOT": str(Path(os.environ["TEST_STATE_DIR"]) / "delivered"),
        "DELIVERY_ALLOW": "127.0.0.0/8",
        "PYTHONPATH": str(ROOT),
    }


@functools.cache
def _server(settings, role):
    """The socket of a process that forks for each program; it ends with the tests."""
    directory = Path(tempfile.mkdtemp(prefix="programs-"))
    path = directory / "socket"
    command = [sys.executable, "-m", "tests.support.program_server", str(path)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment(settings, role))
    atexit.register(shutil.rmtree, directory)
    atexit.register(server.wait)
    atexit.register(server.terminate)
    wait_until(lambda: _listens(path), f"programs with the settings {settings}")
    return str(path)


def _listens(path):
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        return True
    return False


def run(program, *arguments, settings, role, **changed_settings):
    """Run a program's text, which finds its arguments in `sys.argv[1:]`; (exit code, standard output, standard error)."""
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as stream:
        connection.connect(_server(settings, role))
        stream.write(json.dumps([program, [str(word) for word in arguments], changed_settings]).encode() + b"\n")
        stream.flush()
        return json.loads(stream.read())


def output_of(program, *arguments, **process):
    """What a program that succeeds writes to standard output."""
    code, output, errors = run(program, *arguments, **process)
    assert code == 0, errors
    return output.strip()


def manage(*words, settings="web", role="WEB"):
    """The same as `run`, of a management command."""
    return run(_COMMAND, *words, settings=settings, role=role)
