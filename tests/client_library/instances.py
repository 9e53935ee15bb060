"""Instances of the sample application (clients/python/samples/document_store.py), each a process."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

LIBRARY = Path(__file__).parents[2] / "clients" / "python"
SAMPLE = LIBRARY / "samples" / "document_store.py"


class Instance:
    """A process that writes and reads documents until its input ends."""

    def __init__(self, database, keys, variables):
        words = [word for key in keys for word in ("--key", key)]
        environment = {**os.environ, "PYTHONPATH": str(LIBRARY), **variables}
        command = [sys.executable, str(SAMPLE), str(database), *words]
        self._process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def refresh(self):
        """As its subscription to events would."""
        self._process.stdin.write("refresh\n")
        self._process.stdin.flush()

    def stop(self):
        """What it did: calls, failed calls, versions that it encrypted under, errors."""
        output, errors = self._process.communicate(timeout=60)
        assert self._process.returncode == 0, errors
        return json.loads(output)

    def kill(self):
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def running(count, database, keys, **variables):
    """So many instances; they are gone at the end."""
    instances = [Instance(database, keys, variables) for _ in range(count)]
    try:
        yield instances
    finally:
        for instance in instances:
            instance.kill()
