"""Syslog over TLS: RFC 5424 messages, octet-counted (RFC 6587 3.4.1), over TLS as RFC 5425 says.

The protocol has no acknowledgement. The nearest to one is used: the connection is closed in order after each object,
and only a receiver that has read everything before answers our close_notify. What it does then, nobody tells us.
"""

import gzip
import os
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import orjson

from apps.core.outbound_http import ANSWER_SECONDS, AddressRefused, tls_context
from apps.workers.log_delivery.destinations import TEST_NAME, TEST_TEXT, Opening, SinkError

_PRIORITY = 13 * 8 + 5  # log audit, notice (RFC 5424 6.2.1)
_CHUNK = 256 * 1024


class SyslogSink:
    """One message for each record of a segment, one for each manifest; leaves are for files."""

    def __init__(self, opening: Opening) -> None:
        self._host, self._port = opening.config["host"], int(opening.config["port"])
        self._vault = opening.folder.split("/", 1)[0]
        self._guard = opening.guard
        self._tls = _context(opening)

    def put(self, name: str, data: bytes) -> None:
        if name.startswith("segments/"):
            self._send(
                _message(self._vault, "record", _moment(line), line) for line in gzip.decompress(data).splitlines()
            )
        elif name.startswith("manifests/"):
            self._send([_message(self._vault, "manifest", "-", data)])

    def check(self) -> None:
        self._send([_message(self._vault, TEST_NAME.split(".", maxsplit=1)[0], "-", TEST_TEXT.strip())])

    def close(self) -> None:
        """Nothing is kept open."""

    def _send(self, messages: Iterable[bytes]) -> None:
        with _faults(), self._guard.connect(self._host, self._port) as plain:
            plain.settimeout(ANSWER_SECONDS)
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
    """Wait for the receiver's close_notify, or for its end of the connection: it has read all of ours."""
    try:
        connection.unwrap()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return  # closed without a word, but closed: not reset
    except ssl.SSLError as error:
        if error.reason != "APPLICATION_DATA_AFTER_CLOSE_NOTIFY":
            raise


def _message(vault: str, kind: str, moment: str, text: bytes) -> bytes:
    """RFC 5424 6: header, no structured data, the text; its length before it."""
    head = f"<{_PRIORITY}>1 {moment} {_hostname()} vaultportal {vault} {kind} - "
    line = head.encode("ascii") + text
    return str(len(line)).encode() + b" " + line


def _moment(line: bytes) -> str:
    """When the record was made, as RFC 5424 6.2.3 writes it."""
    try:
        at = datetime.fromisoformat(str(orjson.loads(line)["integrity"]["header"]["at"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return "-"
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _hostname() -> str:
    name = "".join(character for character in socket.gethostname() if "!" <= character <= "~")
    return name[:255] or "-"


def _context(opening: Opening) -> ssl.SSLContext:
    """TLS 1.2: in 1.3 a client hears of its certificate's refusal after it believes the handshake done.

    Syslog has no answer by which to tell, so records would be taken for delivered (seen with rsyslogd).
    """
    context = _unlimited(opening)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unlimited(opening: Opening) -> ssl.SSLContext:
    authority = opening.config.get("ca_pem", "")
    if "client_key" not in opening.credentials:
        return tls_context(authority)
    # Python loads a client's key from a file only: one in memory, which has no name in any directory.
    with (
        _in_memory(opening.config["client_certificate"]) as certificate,
        _in_memory(opening.credentials["client_key"]) as key,
    ):
        try:
            return tls_context(authority, client=(certificate, key))
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


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except AddressRefused as error:
        raise SinkError(str(error)) from None
    except ssl.SSLCertVerificationError:
        raise SinkError("The receiver's certificate is of another authority, or for another name.") from None
    except ssl.SSLError:
        raise SinkError("The receiver refuses the TLS connection. Does it want a client certificate?") from None
    except OSError:
        raise SinkError("The receiver does not answer. Check host and port, and that it listens with TLS.") from None
