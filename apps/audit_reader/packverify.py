"""packverify: verifies an evidence pack of Vault Portal. Uses auditverify.py, which must be beside it.

    unzip evidence.zip && python packverify.py evidence-NAME --vkey KEY

Needs Python 3.11 and the package cryptography, no network. Use the KEY, packverify.py and auditverify.py that your
auditors gave you before, not those in the pack: an attacker who alters a pack alters the programs in it, too. Every
file must be the one that the signed manifest names, and the log must pass `auditverify`.
"""

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FIRST_LINE = "vault-portal/evidence/1"
SIGNED_BY_ITSELF = frozenset({"manifest.json", "manifest.note"})
_LARGEST_MANIFEST = 1 << 26  # a pack of a hundred thousand files


class BadPack(Exception):
    """The pack is invalid; the message tells why."""


def described(path: Path, most: int = 1 << 62) -> tuple[str, int]:
    """Return (SHA-256 in hex, bytes). Raises `OSError`, also for a longer file, a link, a pipe or a device."""
    with _auditverify().open_regular(path, most) as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def is_signed(path: Path, expected: tuple[str, int]) -> bool:
    """Return whether a file is the one that was signed; one that cannot be read is not."""
    try:
        return described(path, expected[1]) == expected
    except OSError:
        return False


def digest_in(note: str, keys: Sequence[str]) -> str:
    """Read the digest (hex) in the signed note of a pack. Raises `BadPack` unless one of the keys has signed it."""
    text, separator, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) != 2 or lines[0] != FIRST_LINE or not lines[1].startswith("sha256 "):
        raise BadPack("manifest.note is not the note of an evidence pack")
    program = _auditverify()
    verifiers = [program.Verifier.parse(key) for key in keys]
    if not any(program.signed_by(key, f"{text}\n", line) for key in verifiers for line in signatures.splitlines()):
        raise BadPack("manifest.note is not signed by the given key")
    return lines[1].removeprefix("sha256 ")


def problems(folder: Path, keys: Sequence[str]) -> Iterator[str]:
    """Find problems of the files of a pack. Raises `BadPack` if its manifest is not signed."""
    try:
        manifest = _auditverify().read_regular(folder / "manifest.json", _LARGEST_MANIFEST)
        note = _auditverify().read_regular(folder / "manifest.note", _LARGEST_MANIFEST)
        signed = digest_in(note.decode("utf-8"), keys)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPack(str(error)) from error
    if hashlib.sha256(manifest).hexdigest() != signed:
        raise BadPack("manifest.json is not the one that was signed")
    named = {row["name"]: (row["sha256"], row["bytes"]) for row in json.loads(manifest)["files"]}
    paths = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    for name in sorted(set(files) - set(named) - SIGNED_BY_ITSELF):
        yield f"{name} is not named in the signed manifest"
    for name, expected in sorted(named.items()):
        if name not in files:
            yield f"{name} is missing"
        elif not is_signed(files[name], expected):
            yield f"{name} was altered"


def main(words: Sequence[str]) -> int:
    """Run the command. Return 0 when all is good, 1 when there are problems."""
    parser = argparse.ArgumentParser(description="Verify an evidence pack of Vault Portal.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vkey", action="append", required=True, help="the key that signs checkpoints, one line")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words)
    log_words = [str(arguments.folder / "log"), *(f"--vkey={key}" for key in arguments.vkey), "--partial"]
    try:
        messages = list(problems(arguments.folder, arguments.vkey))
    except Exception as error:  # noqa: BLE001  the rest cannot be trusted and is not read; a traceback is no verdict
        sentence = str(error) if isinstance(error, BadPack) else f"the pack cannot be read ({type(error).__name__})"
        if arguments.json:
            return _print_json([sentence], None)
        _print(sentence, "the pack is not good")
        return 1
    if arguments.json:
        with contextlib.redirect_stdout(io.StringIO()) as output:
            _auditverify().main([*log_words, "--json"])
        return _print_json(messages, json.loads(output.getvalue()))
    _print(*messages)
    log: int = _auditverify().main(log_words)
    if Path(__file__).resolve().is_relative_to(arguments.folder.resolve()):
        _print(
            "This program came with the pack: its word is worth no more than the pack. Use the one that you had before."
        )
    _print("the pack is not good" if messages or log else "every file is the signed one")
    return 1 if messages or log else 0


def _print(*lines: str) -> None:
    """Print lines without control characters, which file names may contain."""
    for line in lines:
        print("".join(letter if letter.isprintable() else "?" for letter in line), flush=True)  # noqa: T201  ours


def _print_json(messages: list[str], log: Any) -> int:
    """Print one JSON object: problems of the files, and the result of `auditverify` for the log (null: not read)."""
    good = not messages and log["good"]
    sys.stdout.write(json.dumps({"good": good, "problems": messages, "log": log}, indent=1) + "\n")
    return 0 if good else 1


def _auditverify() -> Any:
    """Import the program beside this one; inside Vault Portal, the module."""
    return importlib.import_module("apps.audit_log.auditverify" if __package__ else "auditverify")


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # it would be an unsigned file
    sys.exit(main(sys.argv[1:]))
