"""The client for synchronous programs. It is safe to use from several threads."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import HttpRequest
from azure.keyvault.keys import KeyClient

from vaultportal_client.encryption_key import EncryptionKey
from vaultportal_client.envelope import Envelope, Steps, split_header
from vaultportal_client.errors import EnvelopeError, MalformedCiphertext, Refused, VaultUnreachable
from vaultportal_client.limits import Limits
from vaultportal_client.message import DataKey, require_bytes
from vaultportal_client.opened_keys import OpenedKeys
from vaultportal_client.vault_calls import (
    DEFAULT_OPTIONS,
    VaultCall,
    VaultReply,
    read_reply,
    sign_in_failed,
    unreachable,
)
from vaultportal_client.wire_format import PREFIX_BYTES, header_length

_Result = TypeVar("_Result")


class EnvelopeClient:
    """Encrypts and decrypts with data keys that keys of vaults wrap.

    `keys`: identifiers without version, such as `https://payroll.vault.example/keys/master`, one for each region, the
    nearest first. `credential`: of azure-identity. `minimum_copies`: how many vaults must have wrapped a data key
    before it is used. `clock`: seconds that never go back. `options`: those of `azure.keyvault.keys.KeyClient`.
    Raises `ValueError` for an invalid identifier, or a `minimum_copies` that is no number from 1 to that of the keys.
    """

    def __init__(
        self, keys: Sequence[str], credential: TokenCredential, *, limits: Limits | None = None,
        minimum_copies: int = 1, clock: Callable[[], float] = time.monotonic, **options: Any,
    ) -> None:  # fmt: skip
        self._limits = limits or Limits()
        self._envelope = Envelope(keys, limits=self._limits, minimum_copies=minimum_copies, clock=clock)
        self._clock, self._vaults = clock, _Vaults(credential, options)
        self._key: EncryptionKey | None = None
        self._flights: dict[bytes, Future[DataKey | None]] = {}
        self._start()
        _clients.add(self)

    def encrypt(self, content: bytes, *, context: bytes = b"") -> bytes:
        """Return the ciphertext. `context`: authenticated, not stored; decryption needs the same.

        Raises `EnvelopeError`; `TypeError` unless both are bytes.
        """
        require_bytes(content, context)
        key, number = self._take(len(content))
        return key.data_key.encrypt(key.header, number, content, context)

    def decrypt(self, ciphertext: bytes, *, context: bytes = b"") -> bytes:
        """Return the content, decrypted with the key version that encrypted it. Raises `EnvelopeError`, `TypeError`."""
        require_bytes(ciphertext, context)
        header, body = split_header(ciphertext)
        return self._data_key(header).decrypt(body, context)

    def encrypt_stream(self, source: BinaryIO, target: BinaryIO, *, context: bytes = b"") -> None:
        """Encrypt `source` to `target` in constant memory, at most 64 GiB. Raises `EnvelopeError`, `TypeError`."""
        require_bytes(b"", context)
        key, number = self._take(0)
        for piece in key.data_key.encrypt_stream(key.header, number, source, context):
            key.add_bytes(len(piece))
            target.write(piece)

    def decrypt_stream(self, source: BinaryIO, target: BinaryIO, *, context: bytes = b"") -> None:
        """Decrypt `source` to `target` in constant memory. Raises `EnvelopeError`, `TypeError`.

        Discard `target` if this raises: what was written is authentic, but its end may be missing.
        """
        require_bytes(b"", context)
        target.writelines(self._data_key(read_header(source)).decrypt_stream(source, context))

    def rewrap(self, ciphertext: bytes) -> bytes:
        """Return the ciphertext with its data key wrapped by the newest versions; the same ciphertext if it has these.

        The content does not change, nor does the data key: after a version was disclosed, decrypt and encrypt again
        instead. Raises `EnvelopeError`.
        """
        require_bytes(ciphertext, b"")
        header, body = split_header(ciphertext)
        renewed = self.rewrap_header(header)
        return ciphertext if renewed == header else b"".join((renewed, body))

    def rewrap_header(self, header: bytes) -> bytes:
        """As `rewrap`, for a header alone (`read_header`). Raises `EnvelopeError`."""
        return self._run(self._envelope.rewrap(header))

    def refresh(self) -> None:
        """Look up the newest versions before the next encryption. Call it when an event reports a new version.

        Returns immediately. While no vault answers, encryption continues with the current data key, within its limits.
        """
        self._envelope.refresh()
        self._generation += 1

    def forget(self) -> None:
        """Discard all data keys. Call it when a version was disabled and must stop to decrypt at once."""
        with self._opening:  # what is being opened or made now goes to those who wait for it, and is not kept
            self._opened, self._flights, self._key = self._no_opened_keys(), {}, None

    def key_ids(self) -> tuple[str, ...]:
        """Return the identifiers of the versions under which new content is encrypted. Raises `EnvelopeError`."""
        key, _ = self._take(0)
        return tuple(key.key_ids[reference] for reference in self._envelope.keys if reference in key.key_ids)

    def close(self) -> None:
        """Discard all data keys and close connections."""
        self.forget()
        self._vaults.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<EnvelopeClient of {', '.join(map(str, self._envelope.keys))}>"

    def start_after_fork(self) -> None:
        """Replace what belongs to the parent process: data keys, connections, and locks that its threads may hold."""
        self._start()
        self._vaults.forget()

    def _start(self) -> None:
        """Set the state of a client without data keys."""
        self._key = None
        self._generation = 0
        self._renewing, self._opening = threading.Lock(), threading.Lock()
        self._opened, self._flights = self._no_opened_keys(), {}

    def _no_opened_keys(self) -> OpenedKeys:
        return OpenedKeys(most=self._limits.opened_keys, age=self._limits.opened_age)

    def _take(self, size: int) -> tuple[EncryptionKey, int]:
        """Return a data key that can encrypt `size` more bytes, and the number of the message."""
        while True:
            key, now = self._key, self._clock()
            if key is not None and key.generation == self._generation and (number := key.take(size, now)):
                if now < key.check_at or not self._renewing.acquire(blocking=False):
                    return key, number
                try:  # this thread checks; the others continue with the current data key
                    if self._key is key and now >= key.check_at:  # else another thread just did
                        key = self._renew(key)
                finally:
                    self._renewing.release()
            else:
                with self._renewing:
                    key = self._key
                    if key is None or key.generation != self._generation or key.is_spent(now):
                        key = self._renew(key)
            if number := key.take(size, self._clock()):
                return key, number

    def _renew(self, key: EncryptionKey | None) -> EncryptionKey:
        """Look up the newest versions, and replace the data key if it is not under them, or spent."""
        generation, usable = self._generation, key is not None and not key.is_spent(self._clock())
        opened = self._opened  # another one, if everything is forgotten meanwhile
        try:
            if key is None or not usable or not self._run(self._envelope.is_newest(key)):
                key = self._run(self._envelope.new_key())
        except VaultUnreachable:
            if key is None or not usable:
                raise
        except Refused:
            self._key = None
            raise
        key.generation, key.check_at = generation, self._envelope.next_check(complete=key.complete)
        with self._opening:
            self._key = key if self._opened is opened else None
        return key

    def _data_key(self, header: bytes) -> DataKey:
        """Return the data key of a header, from the cache or a vault. Threads that need the same wait for one call."""
        while True:
            if (known := self._opened.get(header, self._clock())) is not None:
                return known
            with self._opening:
                flight = self._flights.get(header)
                leads = flight is None
                if flight is None:
                    flight = self._flights[header] = Future()
            opened = self._open(header, flight) if leads else flight.result()
            if opened is not None:  # None: the thread that led was interrupted
                return opened

    def _open(self, header: bytes, flight: "Future[DataKey | None]") -> DataKey:
        kept = self._opened
        try:
            opened = self._run(self._envelope.open(header))
            kept.put(header, opened, self._clock())
            flight.set_result(opened)
        except EnvelopeError as error:
            flight.set_exception(error)
            raise
        finally:
            with self._opening:
                if self._flights.get(header) is flight:
                    del self._flights[header]
            if not flight.done():
                flight.set_result(None)
        return opened

    def _run(self, steps: Steps[_Result]) -> _Result:
        try:
            call = next(steps)
            while True:
                try:
                    reply = self._vaults.send(call)
                except EnvelopeError as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(reply)
        except StopIteration as stop:
            result: _Result = stop.value
            return result


class _Vaults:
    """A connection to each vault, made at its first use."""

    def __init__(self, credential: TokenCredential, options: dict[str, Any]) -> None:
        self._credential = credential
        # The bodies have data keys: the SDK must not log them, whatever its defaults are.
        self._options = {**DEFAULT_OPTIONS, **options, "logging_enable": False}
        self._clients: dict[str, KeyClient] = {}
        self.forget()

    def send(self, call: VaultCall) -> VaultReply:
        """Make the call. Raises `VaultUnreachable`, `AccessForbidden` for a sign-in that fails.

        Errors are raised outside of the handler, because the context of an error has the stack frames of the request.
        """
        try:
            response = self._client(call.key.vault_url).send_request(
                HttpRequest(call.method, call.path, json=call.body())
            )
            return read_reply(response.status_code, response.content)
        except ClientAuthenticationError as error:
            failure: EnvelopeError = sign_in_failed(call, error.message)
        except AzureError as error:
            failure = unreachable(call, type(error).__name__)
        raise failure

    def forget(self) -> None:
        """Leave the connections to the parent process, which uses them."""
        self._clients, self._lock = {}, threading.Lock()

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, vault_url: str) -> KeyClient:
        with self._lock:
            if vault_url not in self._clients:
                self._clients[vault_url] = KeyClient(vault_url, self._credential, **self._options)
            return self._clients[vault_url]


def read_header(source: BinaryIO) -> bytes:
    """Read the header from the beginning of a ciphertext. Raises `MalformedCiphertext`."""
    prefix = source.read(PREFIX_BYTES)
    length = header_length(prefix)
    header = prefix + source.read(length - len(prefix))
    if len(header) != length:
        raise MalformedCiphertext("The ciphertext is cut within its header.")
    return header


_clients: "weakref.WeakSet[EnvelopeClient]" = weakref.WeakSet()


def _start_after_fork() -> None:
    for client in _clients:
        client.start_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_after_fork)
