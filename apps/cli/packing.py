"""`portal audit pack`: evidence of a period, made by the service, waited for and fetched."""

import contextlib
import hashlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .client import Client, check
from .problems import Exit, Problem
from .showing import note

_OPEN = ("queued", "running")


def pack(client: Client, *, vault: str, since: datetime, until: datetime | None, output: Path | None) -> dict[str, Any]:
    """The finished pack's facts, and where its file is. Raises `Problem`."""
    body = {"vault": vault, "since": _spelled(since), "until": _spelled(until or datetime.now(UTC))}
    asked = _ask(client, "POST", client.audit("packs"), body)
    note(f"Packing {asked['records']} records of {asked['vault']}. Pack {asked['id']}; Ctrl-C leaves it to the portal.")
    told = _finished(client, asked)
    path = output or Path(f"evidence-{told['vault']}-{told['id']}.zip")
    if _fetch(client, told, path) != told["sha256"]:
        path.unlink(missing_ok=True)
        raise Problem("What came is not the pack that was made: its SHA-256 is another one. Nothing is kept.")
    return {**told, "file": str(path)}


def _finished(client: Client, asked: dict[str, Any]) -> dict[str, Any]:
    """After a second, then every three, then every ten. Raises `Problem`."""
    told, shown = asked, ""
    for pause in _pauses():
        if told["state"] not in _OPEN:
            break
        time.sleep(pause)
        told = _ask(client, "GET", client.audit(f"packs/{asked['id']}"))
        now = f"{told['done']} of {told['records']} records{told['doing'] and ', '}{told['doing']}"
        if now != shown:
            note(now)
            shown = now
    if told["state"] != "done":
        raise Problem(f"The pack was not made: {told['doing'] or told['state']}.")
    return told


def _pauses() -> Iterator[float]:
    yield from [0.5] * 4
    yield from [1.0] * 13
    yield from [3.0] * 35
    while True:
        yield 10.0


def _fetch(client: Client, told: dict[str, Any], path: Path) -> str:
    """Piece by piece into the file; the SHA-256 of what came. Raises `Problem`, and leaves no half file."""
    answer, pieces = client.wire.stream(client.audit(f"packs/{told['id']}/file"), headers=client.headers)
    check(answer)
    digest = hashlib.sha256()
    try:
        with path.open("wb") as file, contextlib.ExitStack() as undo:
            undo.callback(path.unlink, missing_ok=True)
            for piece in pieces:
                file.write(piece)
                digest.update(piece)
            undo.pop_all()
    except OSError as error:
        raise Problem(f"{path} cannot be written: {error.strerror}.", Exit.USAGE) from None
    return digest.hexdigest()


def _ask(client: Client, method: str, url: str, body: Any = None) -> dict[str, Any]:
    answer = client.wire.ask(method, url, headers=client.headers, body=body)
    check(answer)
    found: dict[str, Any] = answer.json()
    return found


def _spelled(moment: datetime) -> str:
    """A time without a zone is UTC, as everywhere in this group."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
