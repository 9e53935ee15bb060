"""Sinks for delivered records: one module for each kind of storage, all with the same interface."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from apps.core.outbound_http import AddressRefused, Guard
from apps.log_delivery.rules import Credentials

TEST_NAME = "vault-portal-test.txt"
TEST_TEXT = b"A test by the vault's administrators. The audit log will be delivered here.\n"


class SinkError(Exception):
    """The storage did not accept an object. The message tells people what to do; it never quotes the storage."""


class Sink(Protocol):
    """An open connection to one destination. Used by one thread."""

    def put(self, name: str, data: bytes) -> None:
        """Store an object; when this returns, the storage has confirmed it. Raises `SinkError`."""

    def check(self) -> None:
        """Store a test object. Raises `SinkError`."""

    def close(self) -> None:
        """Close connections."""


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """What a sink is opened with."""

    settings: Mapping[str, str]
    credentials: Credentials
    folder: str  # <vault name>/<log id>
    guard: Guard
    root: Path | None  # of all directories; None: the installation delivers to none


def open_sink(kind: str, config: SinkConfig) -> Sink:
    """Open the sink of a destination of some kind. Raises `SinkError`."""
    sink: Sink = _openers()[kind](config)
    return sink


def connection_advice(error: BaseException) -> str:
    """Tell what to do about a failed connection; the cause may be below what the library raised."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, AddressRefused):
            return str(seen)
        inner = getattr(seen, "reason", None) or (getattr(seen, "kwargs", None) or {}).get("error")
        seen = inner if isinstance(inner, BaseException) else seen.__cause__ or seen.__context__
    if "certificate" in str(error).lower():
        return "The storage's certificate is not signed by the given authority, or is for another name."
    return "The storage does not answer. Check its address, and that this machine may reach it."


def _openers() -> dict[str, Callable[[SinkConfig], Any]]:
    # Imported here, because the modules import this one, and a process that opens no sink loads no SDK.
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
