"""`vaultportal-client`: encrypt, decrypt, inspect and re-wrap files. Signs in as `DefaultAzureCredential` does."""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential

from vaultportal_client import __version__
from vaultportal_client.client import EnvelopeClient
from vaultportal_client.errors import EnvelopeError
from vaultportal_client.rewrapping import Progress, Rewrapper, describe, find_files

_SHOWN_EVERY = 2.0  # seconds between lines of progress


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Exit 1 for a failure, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (EnvelopeError, AzureError, OSError, ValueError) as error:
        print(f"vaultportal-client: {error}", file=sys.stderr)
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vaultportal-client", description="Files encrypted with keys in vaults.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run in (("encrypt", _encrypt), ("decrypt", _decrypt)):
        command = commands.add_parser(name, help=f"{name} a file; the target is created when it is complete")
        _add_keys(command)
        command.add_argument("--context", default="", help="text that decryption needs too; it is not stored")
        command.add_argument("source", type=Path)
        command.add_argument("target", type=Path)
        command.set_defaults(run=run)
    command = commands.add_parser("inspect", help="print the key versions of files, without a call to a vault")
    command.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    command.set_defaults(run=_inspect)
    command = commands.add_parser("rewrap", help="re-wrap files with the newest key versions; run it again to resume")
    _add_keys(command)
    command.add_argument("--dry-run", action="store_true", help="count what would change; this calls the vaults")
    command.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="files, or directories of files")
    command.set_defaults(run=_rewrap)
    return parser


def _add_keys(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--key", action="append", required=True, metavar="ID",
        help="identifier without version, https://VAULT/keys/NAME; repeat for the key in another region",
    )  # fmt: skip


def _encrypt(options: argparse.Namespace) -> int:
    return _convert(options, lambda client: client.encrypt_stream)


def _decrypt(options: argparse.Namespace) -> int:
    return _convert(options, lambda client: client.decrypt_stream)


def _convert(options: argparse.Namespace, method: Callable[[EnvelopeClient], Callable[..., None]]) -> int:
    """Convert to a new file that only its owner can read, and that is created when it is complete."""
    context = options.context.encode()
    directory = options.target.resolve().parent
    with _client(options) as client, options.source.open("rb") as source:
        descriptor, name = tempfile.mkstemp(dir=directory, prefix=".vaultportal-")
        try:
            with os.fdopen(descriptor, "wb") as target:
                _run(method(client), source, target, context)
            Path(name).replace(options.target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return 0


def _run(convert: Callable[..., None], source: BinaryIO, target: BinaryIO, context: bytes) -> None:
    convert(source, target, context=context)
    target.flush()
    os.fsync(target.fileno())


def _inspect(options: argparse.Namespace) -> int:
    for path in find_files(options.paths):
        print(json.dumps({"path": str(path), "copies": describe(path)}))
    return 0


def _rewrap(options: argparse.Namespace) -> int:
    paths = find_files(options.paths)
    progress, shown = Progress(total=len(paths)), time.monotonic()
    with _client(options) as client:
        for outcome in Rewrapper(client).files(paths, dry_run=options.dry_run):
            progress.add(outcome)
            if outcome.error is not None:
                print(f"{outcome.item}: {outcome.error}", file=sys.stderr)
            if time.monotonic() - shown >= _SHOWN_EVERY:
                print(_line(progress), file=sys.stderr)
                shown = time.monotonic()
    print(_line(progress))
    return int(progress.failed > 0)


def _line(progress: Progress) -> str:
    left = progress.seconds_left()
    rest = f", about {left:.0f} s left" if left else ""
    counts = f"{progress.changed} re-wrapped, {progress.current} under the newest versions already"
    return f"{progress.done} of {progress.total} files: {counts}, {progress.failed} failed{rest}"


def _client(options: argparse.Namespace) -> EnvelopeClient:
    return EnvelopeClient(options.key, DefaultAzureCredential())


if __name__ == "__main__":
    sys.exit(main())
