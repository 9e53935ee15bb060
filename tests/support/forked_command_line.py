"""The command line in processes that are forked from one that has loaded it: a start costs half a second otherwise."""

import multiprocessing
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

import apps.cli

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [f"apps.cli.{module.name}" for module in pkgutil.iter_modules(apps.cli.__path__) if module.name[0] != "_"]
)


def run(arguments, *, cwd, environment, stdin, seconds):
    """As `subprocess.run` with captured text. Raises `subprocess.TimeoutExpired`."""
    with tempfile.TemporaryDirectory() as directory:
        files = [Path(directory) / name for name in ("in", "out", "err")]
        files[0].write_text(stdin)
        names = [str(path) for path in files]
        process = _forks.Process(target=_main, args=(list(arguments), str(cwd), environment, names))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(["portal", *arguments], seconds)
        output, errors = (path.read_text() for path in files[1:])
        return subprocess.CompletedProcess(["portal", *arguments], process.exitcode, output, errors)


def _main(arguments, cwd, environment, files):
    from apps.cli.main import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for descriptor, (path, flags) in enumerate(zip(files, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2), strict=True)):
        os.dup2(os.open(path, flags, 0o600), descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        open(descriptor, mode, encoding="utf-8", closefd=False)  # noqa: SIM115  a descriptor; until the end
        for descriptor, mode in enumerate("rww")
    )
    sys.argv = ["portal", *arguments]
    main()
