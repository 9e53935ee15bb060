"""packverify: checks an evidence pack of Vault Portal. Lies beside auditverify.py, which it uses.

    unzip evidence.zip && python packverify.py evidence-NAME --vkey KEY

Needs Python 3.11 and the package cryptography, no network. Whose KEY, and whose packverify.py and auditverify.py: those
that your auditors gave you before, not those in the pack. Whoever alters a pack alters the programs in it, too. Every
file must be the one that the signed manifest names, and the log must pass `auditverify`.
"""

import argparse
import base64
import contextlib
import hashlib
import importlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

FIRST_LINE = "vault-portal/evidence/1"
SIGNED_BY_ITSELF = frozenset({"manifest.json", "manifest.note"})
_CHUNK = 1 << 20


class BadPack(Exception):
    """The pack is not what it must be; the sentence says where."""


def described(path: Path) -> tuple[str, int]:
    """(SHA-256 in hex, bytes) of a file, however large it is."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def digest_in(note: str, keys: Sequence[str]) -> str:
    """The digest (hex) that a signed note of a pack names. Raises `BadPack` unless one of the keys has signed it."""
    text, separator, signatures = note.rpartition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) != 2 or lines[0] != FIRST_LINE or not lines[1].startswith("sha256 "):
        raise BadPack("manifest.note is not the note of an evidence pack")
    verifiers = [_auditverify().Verifier.parse(key) for key in keys]
    signed = f"{text}\n".encode()
    if not any(_signs(verifier, signed, line) for verifier in verifiers for line in signatures.splitlines()):
        raise BadPack("manifest.note is not signed by the given key")
    return lines[1].removeprefix("sha256 ")


def problems(folder: Path, keys: Sequence[str]) -> Iterator[str]:
    """What is wrong with the files of a pack, in sentences. Raises `BadPack` when nobody has signed what it holds."""
    try:
        manifest = (folder / "manifest.json").read_bytes()
        signed = digest_in((folder / "manifest.note").read_text(encoding="utf-8"), keys)
    except (OSError, UnicodeDecodeError) as error:
        raise BadPack(str(error)) from error
    if hashlib.sha256(manifest).hexdigest() != signed:
        raise BadPack("manifest.json is not the one that was signed")
    named = {row["name"]: (row["sha256"], row["bytes"]) for row in json.loads(manifest)["files"]}
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    there = {path.relative_to(folder).as_posix(): path for path in found}
    for name in sorted(set(there) - set(named) - SIGNED_BY_ITSELF):
        yield f"{name} is not named in the signed manifest"
    for name, expected in sorted(named.items()):
        if name not in there:
            yield f"{name} is missing"
        elif described(there[name]) != expected:
            yield f"{name} was altered"


def main(words: Sequence[str]) -> int:
    """0: all is good; 1: something is wrong, and it was said."""
    parser = argparse.ArgumentParser(description="Check an evidence pack of Vault Portal.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--vkey", action="append", required=True, help="the key that signs checkpoints, one line")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words)
    log_words = [str(arguments.folder / "log"), *(f"--vkey={key}" for key in arguments.vkey), "--partial"]
    try:
        found = list(problems(arguments.folder, arguments.vkey))
    except BadPack as error:  # whose the rest is, nobody knows: it is not read
        if arguments.json:
            return _tell([str(error)], None)
        _say(str(error), "the pack is not good")
        return 1
    if arguments.json:
        with contextlib.redirect_stdout(io.StringIO()) as told:
            _auditverify().main([*log_words, "--json"])
        return _tell(found, json.loads(told.getvalue()))
    _say(*found)
    log: int = _auditverify().main(log_words)
    if Path(__file__).resolve().is_relative_to(arguments.folder.resolve()):
        _say(
            "This program came with the pack: its word is worth no more than the pack. Use the one that you had before."
        )
    _say("the pack is not good" if found or log else "every file is the signed one")
    return 1 if found or log else 0


def _say(*sentences: str) -> None:
    """Names of files may be anything: what is no letter does nothing to a terminal."""
    for sentence in sentences:
        print("".join(letter if letter.isprintable() else "?" for letter in sentence), flush=True)  # noqa: T201  ours


def _tell(found: list[str], log: Any) -> int:
    """One JSON object: sentences about the files, and what `auditverify` says of the log (null: it was not read)."""
    good = not found and log["good"]
    sys.stdout.write(json.dumps({"good": good, "problems": found, "log": log}, indent=1) + "\n")
    return 0 if good else 1


def _signs(verifier: Any, text: bytes, line: str) -> bool:
    prefix = f"\N{EM DASH} {verifier.name} "
    if not line.startswith(prefix):
        return False
    try:
        data = base64.b64decode(line.removeprefix(prefix), validate=True)
        if data[:4] != verifier.key_id:
            return False
        verifier.key.verify(data[4:], text, ec.ECDSA(hashes.SHA256()))
    except (ValueError, InvalidSignature):
        return False
    return True


def _auditverify() -> Any:
    """The program beside this one; inside Vault Portal, the module."""
    return importlib.import_module("apps.audit_log.auditverify" if __package__ else "auditverify")


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # it would be a file that nobody has signed
    sys.exit(main(sys.argv[1:]))
