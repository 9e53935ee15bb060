"""Sinks for delivered records: one module for each kind of storage, all with the same interface.

The settings of each kind are declared in apps/log_delivery/rules.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

from django.utils.module_loading import import_string

from apps.core.outbound_http import AddressRefused, Guard
from apps.log_delivery.rules import Credentials

TEST_NAME = "vault-portal-test.txt"
TEST_TEXT = b"A test by the vault's administrators. The audit log will be delivered here.\n"

# Imported when one is opened: a process that opens no sink loads no SDK.
_SINKS = {
    "directory": "directory.DirectorySink",
    "s3": "s3.S3Sink",
    "azure-blob": "blob.BlobSink",
    "syslog": "syslog.SyslogSink",
    "webhook": "webhook.WebhookSink",
}


class SinkError(Exception):
    """The storage did not accept an object. The message tells people what to do; it never quotes the storage."""


@dataclass(frozen=True, slots=True)
class SinkConfig:
    """The settings, credentials and limits with which a sink is opened."""

    settings: Mapping[str, str]
    credentials: Credentials
    folder: str  # <vault name>/<log id>
    guard: Guard
    root: Path | None  # of all directories; None: the installation delivers to none

    @property
    def prefix(self) -> str:
        """What the names of all objects begin with: the prefix that the owner chose, and the folder."""
        return "/".join(filter(None, (self.settings.get("prefix"), self.folder)))

    @property
    def ca_pem(self) -> str:
        """The authority of the storage's certificate; "" for the public ones."""
        return self.settings.get("ca_pem", "")


class Sink(ABC):
    """An open connection to one destination. Used by one thread."""

    errors: ClassVar[tuple[type[Exception], ...]]  # of the library that stores; `advice` tells what to do about them

    def put(self, name: str, data: bytes) -> None:
        """Store an object; when this returns, the storage has confirmed it. Raises `SinkError`."""
        try:
            self._store(name, data)
        except AddressRefused as error:
            raise SinkError(str(error)) from None
        except self.errors as error:
            raise SinkError(self.advice(error)) from None

    def check(self) -> None:
        """Store a test object. Raises `SinkError`."""
        self.put(TEST_NAME, TEST_TEXT)

    def close(self) -> None:  # noqa: B027  not every sink keeps one
        """Close connections."""

    def advice(self, error: Exception) -> str:
        """Tell what to do about an error."""
        return connection_advice(error)

    @abstractmethod
    def _store(self, name: str, data: bytes) -> None:
        """Store an object. Raises `SinkError`, `AddressRefused` or one of `errors`."""


def open_sink(kind: str, config: SinkConfig) -> Sink:
    """Open the sink of a destination of some kind. Raises `SinkError`."""
    return cast("Sink", import_string(f"{__name__}.{_SINKS[kind]}")(config))


def connection_advice(error: BaseException) -> str:
    """Tell what to do about a failed connection; the cause may be below what the library raised."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return str(cause)
        inner = getattr(cause, "reason", None) or (getattr(cause, "kwargs", None) or {}).get("error")
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    if "certificate" in str(error).lower():
        return "The storage's certificate is not signed by the given authority, or is for another name."
    return "The storage does not answer. Check its address, and that this machine may reach it."
