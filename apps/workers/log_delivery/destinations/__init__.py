"""Where records go: one module for each kind of storage, all with the same two verbs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from apps.core.outbound_http import AddressRefused, Guard
from apps.log_delivery.rules import Credentials

TEST_NAME = "vault-portal-test.txt"
TEST_TEXT = b"A test by the vault's administrators. The audit log will be delivered here.\n"


class SinkError(Exception):
    """The storage did not take it. The sentence is for people: what to do, no credential, nothing the storage said."""


class Sink(Protocol):
    """An open way to one destination. Used by one thread."""

    def put(self, name: str, data: bytes) -> None:
        """Store an object; when this returns, the storage has said that it is there. Raises `SinkFault`."""

    def check(self) -> None:
        """Try it with an object of no meaning. Raises `SinkFault`."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Everything that a sink is made of."""

    config: Mapping[str, str]
    credentials: Credentials
    folder: str  # <vault name>/<log id>
    guard: Guard
    root: Path | None  # of all directories; None: there are none here


def open_sink(kind: str, opening: Opening) -> Sink:
    """Raises `SinkFault`."""
    sink: Sink = _openers()[kind](opening)
    return sink


def connection_sentence(error: BaseException) -> str:
    """What to do about a connection that did not come about; looks for the cause below what the library raised."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, AddressRefused):
            return str(seen)
        inner = getattr(seen, "reason", None) or (getattr(seen, "kwargs", None) or {}).get("error")
        seen = inner if isinstance(inner, BaseException) else seen.__cause__ or seen.__context__
    if "certificate" in str(error).lower():
        return "The storage's certificate is not signed by the given authority, or is for another name."
    return "The storage does not answer. Check its address, and that this machine may reach it."


def _openers() -> dict[str, Callable[[Opening], Any]]:
    # Here, and not above, for the modules name the things above; and a process that opens none loads no SDK.
    from apps.workers.log_delivery.destinations.blob import BlobSink  # noqa: PLC0415
    from apps.workers.log_delivery.destinations.directory import DirectorySink  # noqa: PLC0415
    from apps.workers.log_delivery.destinations.s3 import S3Sink  # noqa: PLC0415
    from apps.workers.log_delivery.destinations.syslog import SyslogSink  # noqa: PLC0415
    from apps.workers.log_delivery.destinations.webhook import WebhookSink  # noqa: PLC0415

    return {
        "directory": DirectorySink,
        "s3": S3Sink,
        "azure-blob": BlobSink,
        "syslog": SyslogSink,
        "webhook": WebhookSink,
    }
