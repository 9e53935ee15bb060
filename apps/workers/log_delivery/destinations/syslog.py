"""Syslog over TLS: RFC 5424 messages, octet-counted (RFC 6587 3.4.1), over TLS as RFC 5425 says.

The protocol has no acknowledgement. The nearest substitute is used: the connection is closed in order after each
object, and only a receiver that has read everything answers our close_notify. What it does then is unknown.
"""

import gzip
import os
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import orjson

from apps.core.outbound_http import RESPONSE_SECONDS, tls_context
from apps.workers.log_delivery.destinations import TEST_NAME, Sink, SinkConfig, SinkError

_PRIORITY = 13 * 8 + 5  # log audit, notice (RFC 5424 6.2.1)
_CHUNK = 256 * 1024


class SyslogSink(Sink):
    """One message for each record of a segment, one for each manifest; leaves are for files."""

    errors = (OSError,)

    def __init__(self, config: SinkConfig) -> None:
        self._host, self._port = config.settings["host"], int(config.settings["port"])
        self._vault = config.folder.split("/", 1)[0]
        self._guard = config.guard
        self._tls = _context(config)

    def _store(self, name: str, data: bytes) -> None:
        if name.startswith("segments/"):
            self._send(
                _message(self._vault, "record", _moment(line), line) for line in gzip.decompress(data).splitlines()
            )
        elif name.startswith("manifests/"):
            self._send([_message(self._vault, "manifest", "-", data)])
        elif name == TEST_NAME:
            self._send([_message(self._vault, TEST_NAME.removesuffix(".txt"), "-", data.strip())])

    def advice(self, error: Exception) -> str:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "The receiver's certificate is of another authority, or for another name."
        if isinstance(error, ssl.SSLError):
            return "The receiver refuses the TLS connection. Does it want a client certificate?"
        return "The receiver does not answer. Check host and port, and that it listens with TLS."

    def _send(self, messages: Iterable[bytes]) -> None:
        with self._guard.connect(self._host, self._port) as plain:
            plain.settimeout(RESPONSE_SECONDS)
            with self._tls.wrap_socket(plain, server_hostname=self._host) as connection:
                waiting = bytearray()
                for message in messages:
                    waiting += message
                    if len(waiting) >= _CHUNK:
                        connection.sendall(waiting)
                        waiting.clear()
                connection.sendall(waiting)
                _close_in_order(connection)


def _close_in_order(connection: ssl.SSLSocket) -> None:
    """Wait for the receiver's close_notify or the end of its connection: then it has read everything."""
    try:
        connection.unwrap()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return  # closed without close_notify, but not reset
    except ssl.SSLError as error:
        if error.reason != "APPLICATION_DATA_AFTER_CLOSE_NOTIFY":
            raise


def _message(vault: str, kind: str, moment: str, text: bytes) -> bytes:
    """RFC 5424 6: header, no structured data, the text; its length before it."""
    head = f"<{_PRIORITY}>1 {moment} {_hostname()} vaultportal {vault} {kind} - "
    line = head.encode("ascii") + text
    return str(len(line)).encode() + b" " + line


def _moment(line: bytes) -> str:
    """The time of a record in the format of RFC 5424 6.2.3."""
    try:
        at = datetime.fromisoformat(str(orjson.loads(line)["integrity"]["header"]["at"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return "-"
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _hostname() -> str:
    name = "".join(character for character in socket.gethostname() if "!" <= character <= "~")
    return name[:255] or "-"


def _context(config: SinkConfig) -> ssl.SSLContext:
    """Use TLS 1.2: in 1.3 a client learns that its certificate is rejected only after the handshake.

    Syslog has no answer that would show this, so records would count as delivered (observed with rsyslogd).
    """
    context = _context_of_any_version(config)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _context_of_any_version(config: SinkConfig) -> ssl.SSLContext:
    if "client_key" not in config.credentials:
        return tls_context(config.ca_pem)
    # Python loads a client's key from a file only: this one is in memory and in no directory.
    with (
        _in_memory(config.settings["client_certificate"]) as certificate,
        _in_memory(config.credentials["client_key"]) as key,
    ):
        try:
            return tls_context(config.ca_pem, client=(certificate, key))
        except (ssl.SSLError, ValueError):
            raise SinkError("The client certificate and key do not match, or are not PEM. Enter both again.") from None


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
