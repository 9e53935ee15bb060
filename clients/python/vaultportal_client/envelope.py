"""Which vault is called for what, and in which order. Nothing here uses the network: the functions are generators that
yield a `VaultCall` and get its `VaultReply`, or the `VaultUnreachable` that it caused. The clients run them.

The rules of failover:

1. A vault that does not answer is skipped. A refusal is final: no other vault is asked instead.
2. Vaults are asked in the configured order; those that did not answer in the last `retry_after` seconds come last.
3. A data key is wrapped by all configured keys. If a vault does not answer, its copy is left out, as long as there
   are `minimum_copies`; the data key is replaced as soon as that vault answers again.
4. Only configured keys count. A ciphertext cannot make the client call another address.
"""

import os
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from vaultportal_client import vault_calls
from vaultportal_client.encryption_key import EncryptionKey
from vaultportal_client.errors import KeyNotConfigured, MalformedCiphertext, TamperedCiphertext, VaultUnreachable
from vaultportal_client.key_reference import KeyReference, parse_key, split_key_id
from vaultportal_client.limits import Limits
from vaultportal_client.message import KEY_BYTES, DataKey
from vaultportal_client.secret_bytes import SecretBytes
from vaultportal_client.vault_calls import CurrentVersion, VaultCall, VaultReply
from vaultportal_client.wire_format import Header, KeyCopy, encode_copies, header_length, parse_header

_Result = TypeVar("_Result")
Steps = Generator[VaultCall, VaultReply, _Result]


class Envelope:
    """The configured keys, and what is known about their vaults. `clock`: seconds that never go back."""

    def __init__(self, keys: Sequence[str], *, limits: Limits, minimum_copies: int, clock: Callable[[], float]) -> None:
        self.keys = tuple(map(parse_key, keys))
        if not self.keys or len(set(self.keys)) != len(self.keys):
            raise ValueError("Name at least one key, and none twice.")
        if not 1 <= minimum_copies <= len(self.keys):
            raise ValueError("minimum_copies is between 1 and the number of keys.")
        self._limits, self._minimum, self._clock = limits, minimum_copies, clock
        self._down_until: dict[KeyReference, float] = {}
        self._newest: dict[KeyReference, tuple[float, CurrentVersion]] = {}

    def refresh(self) -> None:
        """Forget which versions are the newest."""
        self._newest.clear()

    def new_key(self) -> Steps[EncryptionKey]:
        """Make a data key, wrapped by the newest version of each key. Raises `EnvelopeError`."""
        secret = SecretBytes(os.urandom(KEY_BYTES))
        made: dict[KeyReference, KeyCopy] = {}
        failures: list[str] = []
        for key in self._by_reachability(self.keys):
            if self._is_down(key) and len(made) >= self._minimum:
                continue
            try:
                current = yield from self._look_up(key)
                made[key] = yield from self._wrap(key, current, secret)
            except VaultUnreachable as error:
                failures.append(str(error))
        if len(made) < self._minimum:
            raise VaultUnreachable(f"{len(made)} of {self._minimum} copies of a new data key: {' '.join(failures)}")
        copies = [made[key] for key in self.keys if key in made]
        data_key, now = DataKey(secret), self._clock()
        versions = {key: copy.key_id for key, copy in made.items()}
        complete = len(made) == len(self.keys)
        header = _sealed_header(data_key, copies)
        return EncryptionKey(data_key, header, versions, complete=complete, limits=self._limits, now=now)

    def is_newest(self, key: EncryptionKey) -> Steps[bool]:
        """Look up the newest versions. Vaults that do not answer change nothing. Raises `Refused`."""
        for reference in self.keys:
            if self._is_down(reference):
                continue
            try:
                current = yield from self._look_up(reference)
            except VaultUnreachable:
                continue
            if key.key_ids.get(reference) != current.key_id:
                return False
        return True

    def next_check(self, *, complete: bool) -> float:
        """When the versions are looked up again; sooner where a vault did not answer."""
        limits, now = self._limits, self._clock()
        answered = complete and not any(map(self._is_down, self.keys))
        return now + (limits.version_check if answered else min(limits.version_check, limits.retry_after))

    def open(self, header: bytes) -> Steps[DataKey]:
        """Get the data key of a header, and verify the header. Raises `EnvelopeError`."""
        _, data_key = yield from self._unwrap(parse_header(header))
        return data_key

    def rewrap(self, header: bytes) -> Steps[bytes]:
        """Return a header for the same data key with copies by the newest versions; the same header if it has these.

        Copies of keys that are not configured stay. Every configured vault must answer. Raises `EnvelopeError`.
        """
        parsed = parse_header(header)
        wanted: dict[KeyReference, CurrentVersion] = {}
        for key in self.keys:
            wanted[key] = yield from self._known_newest(key)
        present = {_reference(copy): copy for copy in parsed.copies}
        if all(key in present and present[key].key_id == wanted[key].key_id for key in self.keys):
            return header
        secret, data_key = yield from self._unwrap(parsed)
        renewed = []
        for key in self.keys:
            found = present.get(key)
            if found is None or found.key_id != wanted[key].key_id:
                found = yield from self._wrap(key, wanted[key], secret)
            renewed.append(found)
        others = [copy for reference, copy in present.items() if reference not in wanted]
        return _sealed_header(data_key, [*renewed, *others])

    def _unwrap(self, header: Header) -> Steps[tuple[SecretBytes, DataKey]]:
        own = {_reference(copy): copy for copy in header.copies}
        keys = [key for key in self._by_reachability(self.keys) if key in own]
        if not keys:
            named = ", ".join(sorted(map(str, own)))
            raise KeyNotConfigured(f"The data key is wrapped by {named}. This client has none of these keys.")
        failures: list[str] = []
        for key in keys:
            call = vault_calls.unwrap(key, own[key])
            try:
                secret = vault_calls.read_unwrapped(call, (yield from self._ask(call)))
            except VaultUnreachable as error:
                failures.append(str(error))
                continue
            return secret, _verified(secret, header)
        raise VaultUnreachable(" ".join(failures))

    def _look_up(self, key: KeyReference) -> Steps[CurrentVersion]:
        call = vault_calls.look_up(key)
        return vault_calls.read_current(call, (yield from self._ask(call)))

    def _known_newest(self, key: KeyReference) -> Steps[CurrentVersion]:
        """For re-wrapping, which would look up a version for each ciphertext otherwise."""
        until, known = self._newest.get(key, (0.0, None))
        if known is None or self._clock() >= until:
            known = yield from self._look_up(key)
            self._newest[key] = self._clock() + self._limits.version_check, known
        return known

    def _wrap(self, key: KeyReference, current: CurrentVersion, secret: SecretBytes) -> Steps[KeyCopy]:
        call = vault_calls.wrap(key, current, secret)
        key_id, wrapped = vault_calls.read_wrapped(call, (yield from self._ask(call)))
        return KeyCopy(current.algorithm, key_id, wrapped)

    def _ask(self, call: VaultCall) -> Steps[VaultReply]:
        """Make the call, and remember whether the vault answered."""
        try:
            reply = yield call
        except VaultUnreachable:
            self._down_until[call.key] = self._clock() + self._limits.retry_after
            raise
        if reply.status < 500 and reply.status != 429:
            self._down_until.pop(call.key, None)
        else:
            self._down_until[call.key] = self._clock() + self._limits.retry_after
        return reply

    def _is_down(self, key: KeyReference) -> bool:
        return self._clock() < self._down_until.get(key, 0.0)

    def _by_reachability(self, keys: Sequence[KeyReference]) -> list[KeyReference]:
        return sorted(keys, key=self._is_down)


def split_header(ciphertext: bytes) -> tuple[bytes, memoryview]:
    """Return the header, and what follows it. Raises `MalformedCiphertext`."""
    end = header_length(ciphertext[:6])
    if len(ciphertext) < end:
        raise MalformedCiphertext("The ciphertext is cut within its header.")
    return ciphertext[:end], memoryview(ciphertext)[end:]


def _verified(secret: SecretBytes, header: Header) -> DataKey:
    if len(secret) != KEY_BYTES:
        raise TamperedCiphertext("The ciphertext, or the context given for it, is not what was encrypted.")
    data_key = DataKey(secret)
    data_key.verify_header(header.covered, header.tag)
    return data_key


def _sealed_header(data_key: DataKey, copies: Sequence[KeyCopy]) -> bytes:
    covered = encode_copies(copies)
    return covered + data_key.header_tag(covered)


def _reference(copy: KeyCopy) -> KeyReference:
    return split_key_id(copy.key_id)[0]
