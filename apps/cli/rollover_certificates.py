"""`portal audit rollover-certificate`: request a certificate, and wait until the service has created it."""

import time

from .client import Client
from .errors import CliError
from .output import print_message

_PAUSE_SECONDS = 0.5
_OPEN = ("queued", "running")


def create(client: Client, *, rollover: str, key: str) -> dict[str, str]:
    """Return the document that `auditverify` reads. Raises `CliError` with the reason if none was issued."""
    job = client.request("POST", client.audit_url("rollover-certificates"), {"rollover": rollover, "key": key}).json()
    last = ""
    while job["state"] in _OPEN:
        time.sleep(_PAUSE_SECONDS)
        job = client.request("GET", client.audit_url(f"rollover-certificates/{job['id']}")).json()
        if job["doing"] and job["doing"] != last:
            print_message(job["doing"])
            last = job["doing"]
    if job["state"] != "done":
        raise CliError(f"No certificate was issued: {job['doing'] or job['state']}")
    return {name: job[name] for name in ("certificate", "signature")}
