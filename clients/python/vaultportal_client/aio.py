"""The client for asyncio, for one event loop. Its methods are those of the synchronous client, without streams."""

import asyncio
import os
import time
import weakref
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.rest import HttpRequest
from azure.keyvault.keys.aio import KeyClient

from vaultportal_client.encryption_key import EncryptionKey
from vaultportal_client.envelope import Envelope, Steps, split_header
from vaultportal_client.errors import EnvelopeError, Refused, VaultUnreachable
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

_Result = TypeVar("_Result")


class EnvelopeClient:
    """As `vaultportal_client.EnvelopeClient`, with a credential of `azure.identity.aio`."""

    def __init__(
        self, keys: Sequence[str], credential: AsyncTokenCredential, *, limits: Limits | None = None,
        minimum_copies: int = 1, clock: Callable[[], float] = time.monotonic, **options: Any,
    ) -> None:  # fmt: skip
        self._limits = limits = limits or Limits()
        self._envelope = Envelope(keys, limits=limits, minimum_copies=minimum_copies, clock=clock)
        self._clock, self._vaults = clock, _Vaults(credential, options)
        self._key: EncryptionKey | None = None
        self._flights: dict[bytes, asyncio.Task[DataKey]] = {}
        self._start()
        _clients.add(self)

    async def encrypt(self, content: bytes, *, context: bytes = b"") -> bytes:
        """Return the ciphertext. Raises `EnvelopeError`, `TypeError`."""
        require_bytes(content, context)
        key, number = await self._take(len(content))
        return key.data_key.encrypt(key.header, number, content, context)

    async def decrypt(self, ciphertext: bytes, *, context: bytes = b"") -> bytes:
        """Return the content, decrypted with the version that encrypted it. Raises `EnvelopeError`, `TypeError`."""
        require_bytes(ciphertext, context)
        header, body = split_header(ciphertext)
        return (await self._data_key(header)).decrypt(body, context)

    async def rewrap(self, ciphertext: bytes) -> bytes:
        """Return the ciphertext with the newest versions; the same if it has these. Raises as `encrypt`."""
        require_bytes(ciphertext, b"")
        header, body = split_header(ciphertext)
        renewed = await self._run(self._envelope.rewrap(header))
        return ciphertext if renewed == header else b"".join((renewed, body))

    def refresh(self) -> None:
        """Look up the newest versions before the next encryption."""
        self._envelope.refresh()
        self._generation += 1

    def forget(self) -> None:
        """Discard all data keys."""
        self._opened, self._flights, self._key = self._no_opened_keys(), {}, None

    async def key_ids(self) -> tuple[str, ...]:
        """Return the identifiers of the versions under which new content is encrypted. Raises `EnvelopeError`."""
        key, _ = await self._take(0)
        return tuple(key.key_ids[reference] for reference in self._envelope.keys if reference in key.key_ids)

    async def close(self) -> None:
        """Discard all data keys and close connections."""
        self.forget()
        await self._vaults.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<EnvelopeClient of {', '.join(map(str, self._envelope.keys))}>"

    def start_after_fork(self) -> None:
        """Forget what belongs to the parent process: data keys, connections and its event loop's tasks."""
        self._start()
        self._vaults.forget()

    def _start(self) -> None:
        """Set the state of a client without data keys."""
        self._generation = 0
        self._renewing = asyncio.Lock()
        self.forget()

    async def _take(self, size: int) -> tuple[EncryptionKey, int]:
        while True:
            key, now = self._key, self._clock()
            if key is not None and key.generation == self._generation and (number := key.take(size, now)):
                if now < key.check_at or self._renewing.locked():
                    return key, number
                async with self._renewing:
                    key = await self._renew(key)
            else:
                async with self._renewing:
                    key = self._key
                    if key is None or key.generation != self._generation or key.is_spent(now):
                        key = await self._renew(key)
            if number := key.take(size, self._clock()):
                return key, number

    async def _renew(self, key: EncryptionKey | None) -> EncryptionKey:
        generation, usable = self._generation, key is not None and not key.is_spent(self._clock())
        opened = self._opened  # another one, if everything is forgotten meanwhile
        try:
            if key is None or not usable or not await self._run(self._envelope.is_newest(key)):
                key = await self._run(self._envelope.new_key())
        except VaultUnreachable:
            if key is None or not usable:
                raise
        except Refused:
            self._key = None
            raise
        key.generation, key.check_at = generation, self._envelope.next_check(complete=key.complete)
        self._key = key if self._opened is opened else None
        return key

    async def _data_key(self, header: bytes) -> DataKey:
        """Tasks that need the same data key wait for one call, which none of them cancels."""
        if (known := self._opened.get(header, self._clock())) is not None:
            return known
        flight = self._flights.get(header)
        if flight is None:
            flight = self._flights[header] = asyncio.create_task(self._open(header, self._opened))
            flight.add_done_callback(lambda done: self._landed(header, done))
        return await asyncio.shield(flight)

    async def _open(self, header: bytes, kept: OpenedKeys) -> DataKey:
        opened = await self._run(self._envelope.open(header))
        kept.put(header, opened, self._clock())
        return opened

    def _landed(self, header: bytes, flight: "asyncio.Task[DataKey]") -> None:
        if self._flights.get(header) is flight:
            del self._flights[header]
        if not flight.cancelled():
            flight.exception()  # read, so that asyncio reports none where every waiting task was cancelled

    def _no_opened_keys(self) -> OpenedKeys:
        return OpenedKeys(most=self._limits.opened_keys, age=self._limits.opened_age)

    async def _run(self, steps: Steps[_Result]) -> _Result:
        try:
            call = next(steps)
            while True:
                try:
                    reply = await self._vaults.send(call)
                except EnvelopeError as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(reply)
        except StopIteration as stop:
            result: _Result = stop.value
            return result


class _Vaults:
    """A connection to each vault, made at its first use."""

    def __init__(self, credential: AsyncTokenCredential, options: dict[str, Any]) -> None:
        self._credential = credential
        # The bodies have data keys: the SDK must not log them, whatever its defaults are.
        self._options = {**DEFAULT_OPTIONS, **options, "logging_enable": False}
        self._clients: dict[str, KeyClient] = {}

    async def send(self, call: VaultCall) -> VaultReply:
        """Make the call. Raises `VaultUnreachable`, `AccessForbidden`, outside of the handler."""
        try:
            response = await self._client(call.key.vault_url).send_request(
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
        self._clients = {}

    async def close(self) -> None:
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()

    def _client(self, vault_url: str) -> KeyClient:
        if vault_url not in self._clients:
            self._clients[vault_url] = KeyClient(vault_url, self._credential, **self._options)
        return self._clients[vault_url]


_clients: "weakref.WeakSet[EnvelopeClient]" = weakref.WeakSet()


def _start_after_fork() -> None:
    for client in _clients:
        client.start_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_after_fork)
