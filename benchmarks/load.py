"""Load over TLS with wrk. The requests are prepared here; wrk only sends them in turn."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import cpu
from benchmarks.scenarios import Round, WrongAnswer

_SCRIPT = Path(__file__).with_name("load.lua")
_GRACE_SECONDS = 60  # past its duration wrk waits for connections to close; then it hangs


JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def packet(
    method: str, path: str, *, host: str, headers: Mapping[str, str], body: bytes = b"", content_type: str = JSON
) -> bytes:
    """One HTTP/1.1 request as wrk sends it (RFC 9112 section 2.1)."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    if method != "GET":
        lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def run(
    url: str,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: int,
    groups: cpu.Groups,
    refusals_allowed: bool = False,
    first: int = 0,
) -> Round:
    """Send `requests` in turn for `seconds`, from the number `first` on. Raises `WrongAnswer` if one of them failed.

    The requests carry a bearer token, so they reach wrk in a file that only we can read, never as an argument.
    """
    with tempfile.NamedTemporaryFile(prefix="vaultportal-load-") as file:
        for request in requests:
            file.write(b"%d\n%s\n" % (len(request), request))
        file.flush()
        threads = min(2, connections)
        options = [f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT)]
        meter = cpu.Meter(groups, ended="wrk")
        output = _wrk([*options, url, "--", file.name, str(first), str(threads)], timeout=seconds + _GRACE_SECONDS)
        used, foreign = meter.read()
    figures = json.loads(output.strip().splitlines()[-1])
    failed = figures["broken"] or (figures["refused"] and not refusals_allowed)
    if failed or not figures["requests"]:
        raise WrongAnswer(
            f"{url}: {figures['refused']} of {figures['requests']} requests got an error status, "
            f"{figures['broken']} connections broke. Look into the logs of that system."
        )
    return Round(
        requests=figures["requests"],
        seconds=figures["duration"] / 1e6,
        p50=figures["p50"] / 1e3,
        p99=figures["p99"] / 1e3,
        cpu=used,
        foreign=foreign,
    )


def _wrk(arguments: list[str], *, timeout: int) -> str:
    result = subprocess.run(["wrk", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    if result.returncode != 0:
        raise WrongAnswer(f"wrk failed: {(result.stderr or result.stdout).strip()[-500:]}")
    return result.stdout
