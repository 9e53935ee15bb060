"""`portal audit pack`: evidence of a period, which the service packs and the client downloads."""

import contextlib
import hashlib
import itertools
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from .client import Client
from .errors import CliError
from .files import open_output
from .output import print_message

_OPEN = ("queued", "running")


def pack(client: Client, *, vault: str, since: datetime, until: datetime, output: Path | None) -> dict[str, Any]:
    """The finished pack, and where its file is. Raises `CliError`."""
    body = {"vault": vault, "since": format_time(since), "until": format_time(until)}
    job = client.request("POST", client.audit_url("packs"), body).json()
    text = f"Packing {job['records']} records of {job['vault']}."
    print_message(f"{text} Pack {job['id']}; after Ctrl-C it is still available in the portal.")
    job = _wait(client, job)
    path = output or Path(f"evidence-{job['vault']}-{job['id']}.zip")
    if _download(client, job, path) != job["sha256"]:
        path.unlink(missing_ok=True)
        raise CliError("The downloaded pack is damaged: its SHA-256 differs. The file is deleted.")
    return {**job, "file": str(path)}


def format_time(time_: datetime) -> str:
    """A time without a zone is UTC."""
    return f"{time_:%Y-%m-%dT%H:%M:%SZ}"


def _wait(client: Client, job: dict[str, Any]) -> dict[str, Any]:
    """Poll more slowly the longer it takes. Raises `CliError`."""
    last = ""
    for pause in itertools.chain([0.5] * 4, [1.0] * 13, [3.0] * 35, itertools.repeat(10.0)):
        if job["state"] not in _OPEN:
            break
        time.sleep(pause)
        job = client.request("GET", client.audit_url(f"packs/{job['id']}")).json()
        progress = f"{job['done']} of {job['records']} records{job['doing'] and ', '}{job['doing']}"
        if progress != last:
            print_message(progress)
            last = progress
    if job["state"] != "done":
        raise CliError(f"The pack was not created: {job['doing'] or job['state']}.")
    return job


def _download(client: Client, job: dict[str, Any], path: Path) -> str:
    """The SHA-256 of the file. An interrupted download leaves no file. Raises `CliError`."""
    chunks = client.stream(client.audit_url(f"packs/{job['id']}/file"))
    digest = hashlib.sha256()
    with open_output(path) as file, contextlib.ExitStack() as cleanup:
        cleanup.callback(path.unlink, missing_ok=True)
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
        cleanup.pop_all()
    return digest.hexdigest()
