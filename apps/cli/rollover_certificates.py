"""`portal audit rollover-certificate`: the service makes the certificate, and the client waits for it."""

import time

from .client import Client
from .errors import CliError
from .output import print_message

_PAUSE_SECONDS = 0.5
_OPEN = ("queued", "running")


def create(client: Client, *, rollover: str, key: str) -> dict[str, str]:
    """The document as `auditverify` reads it. Raises `CliError` with the reason if there is none."""
    job = client.request("POST", client.audit_url("rollover-certificates"), {"rollover": rollover, "key": key}).json()
    last = ""
    while job["state"] in _OPEN:
        time.sleep(_PAUSE_SECONDS)
        job = client.request("GET", client.audit_url(f"rollover-certificates/{job['id']}")).json()
        if job["doing"] and job["doing"] != last:
            print_message(job["doing"])
            last = job["doing"]
    if job["state"] != "done":
        raise CliError(f"There is no certificate: {job['doing'] or job['state']}")
    return {name: job[name] for name in ("certificate", "signature")}
