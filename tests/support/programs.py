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
    """Variables of a process with these settings and this database role; OWNER: of the tables."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": f"vaultportal.settings.{settings}",
        "DATABASE_URL": os.environ["DATABASE_URL" if role == "OWNER" else f"{role}_DATABASE_URL"],
        "DELIVERY_ROOT": str(Path(os.environ["TEST_STATE_DIR"]) / "delivered"),
        "DELIVERY_ALLOW": "127.0.0.0/8",
        "PYTHONPATH": str(ROOT),
    }


class Server:
    """A process that forks for each program; it ends with the tests."""

    def __init__(self, variables):
        directory = Path(tempfile.mkdtemp(prefix="programs-"))
        self._socket = directory / "socket"
        command = [sys.executable, "-m", "tests.support.program_server", str(self._socket)]
        self._process = process = subprocess.Popen(command, cwd=ROOT, env=variables)
        atexit.register(shutil.rmtree, directory)
        atexit.register(process.wait)
        atexit.register(process.terminate)
        wait_until(self._listens, "a server of programs")

    def _listens(self):
        assert self._process.poll() is None, "the server of programs ended"
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            return True
        return False

    def run(self, program, *arguments, **changed_settings):
        """(exit code, standard output, standard error) of a program's text, whose arguments are in `sys.argv[1:]`."""
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as stream:
            connection.connect(str(self._socket))
            request = [program, [str(word) for word in arguments], changed_settings]
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            return json.loads(stream.read())

    def manage(self, *words):
        """The same of a management command."""
        return self.run(_COMMAND, *words)


@functools.cache
def server(settings, role):
    return Server(environment(settings, role))


def run(program, *arguments, settings, role, **changed_settings):
    """As `Server.run`, with the settings and the role of a process."""
    return server(settings, role).run(program, *arguments, **changed_settings)


def output_of(program, *arguments, **process):
    """What a program that succeeds writes to standard output."""
    code, output, errors = run(program, *arguments, **process)
    assert code == 0, errors
    return output.strip()


def manage(*words):
    """As `Server.manage`, of the web."""
    return server("web", "WEB").manage(*words)
