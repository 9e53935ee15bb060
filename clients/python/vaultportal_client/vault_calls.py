"""The calls of the Key Vault API that the library makes, and what their answers mean.

Source: Azure Key Vault REST API, "Get Key", "Wrap Key", "Unwrap Key". `CryptographyClient` of the SDK is not used: with
an AES key that the application may read, it would compute locally with key bytes that are not the key (docs/api.md).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vaultportal_client.errors import (
    AccessForbidden,
    EnvelopeError,
    KeyNotFound,
    KeyNotSuitable,
    KeyVersionDisabled,
    Refused,
    TamperedCiphertext,
    VaultUnreachable,
)
from vaultportal_client.key_reference import KeyReference, split_key_id
from vaultportal_client.secret_bytes import SecretBytes
from vaultportal_client.wire_format import KeyCopy

_SMALLEST_RSA = 256  # bytes of the modulus: 2048 bits
_STATES = frozenset({"KeyDisabled", "KeyOutsideDates"})
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})

# Failover must be faster than the SDK's own patience. Each can be changed by the options of the client.
DEFAULT_OPTIONS: dict[str, Any] = {
    "retry_total": 2,
    "retry_backoff_factor": 0.2,
    "retry_backoff_max": 2,
    "connection_timeout": 5,
    "read_timeout": 15,
}


class CurrentVersion(NamedTuple):
    """The newest version of a key, and how it wraps data keys."""

    key_id: str
    algorithm: str


@dataclass(frozen=True, slots=True)
class VaultCall:
    """A request to the vault of `key`. `path` is relative to the vault. `value`: the bytes in the body."""

    key: KeyReference
    method: str
    path: str
    algorithm: str = ""
    value: SecretBytes | None = field(default=None, repr=False)

    def body(self) -> dict[str, str] | None:
        """Build the JSON body. It can have a data key in clear: use it at once, and keep it in no variable."""
        return None if self.value is None else {"alg": self.algorithm, "value": _encode(self.value.reveal())}


@dataclass(frozen=True, slots=True)
class VaultReply:
    """An answer. `body` can have a data key in clear, and is not shown."""

    status: int
    body: Mapping[str, Any] = field(repr=False)


def look_up(key: KeyReference) -> VaultCall:
    """Ask for the newest version of a key."""
    return VaultCall(key, "GET", f"keys/{key.name}")


def wrap(key: KeyReference, current: CurrentVersion, secret: SecretBytes) -> VaultCall:
    """Ask for a data key wrapped by this version."""
    return VaultCall(key, "POST", f"{_path(current.key_id)}/wrapkey", current.algorithm, secret)


def unwrap(key: KeyReference, copy: KeyCopy) -> VaultCall:
    """Ask for a data key. Only the version comes from the ciphertext: vault and name are those of the configuration."""
    return VaultCall(key, "POST", f"{_path(copy.key_id)}/unwrapkey", copy.algorithm, SecretBytes(copy.wrapped))


def read_current(call: VaultCall, reply: VaultReply) -> CurrentVersion:
    """Read the answer to `look_up`. Raises `EnvelopeError`."""
    _check(call, reply)
    key, attributes = _mapping(call, reply.body.get("key")), _mapping(call, reply.body.get("attributes"))
    key_id = _own_key_id(call, key.get("kid"))
    if attributes.get("enabled") is False:
        raise KeyVersionDisabled(f"The newest version of {call.key} is disabled. Enable it, or rotate the key.")
    kind, operations = str(key.get("kty", "")).removesuffix("-HSM"), key.get("key_ops") or ()
    if not {"wrapKey", "unwrapKey"} <= set(operations):
        raise KeyNotSuitable(f"{call.key} may not wrap and unwrap keys. Its key_ops must allow both.")
    if kind == "oct":
        return CurrentVersion(key_id, "A256KW")
    if kind != "RSA" or len(_decode(call, key.get("n"))) < _SMALLEST_RSA:
        raise KeyNotSuitable(f"{call.key} is no RSA key with at least 2048 bits and no AES key with 256 bits.")
    return CurrentVersion(key_id, "RSA-OAEP-256")


def read_wrapped(call: VaultCall, reply: VaultReply) -> tuple[str, bytes]:
    """Read the answer to `wrap`: the identifier of the version, and the wrapped data key. Raises `EnvelopeError`."""
    if reply.status == 400:
        raise KeyNotSuitable(f"{call.key} does not wrap with {call.algorithm}: {_message(reply)}")
    _check(call, reply)
    return _own_key_id(call, reply.body.get("kid")), _decode(call, reply.body.get("value"))


def read_unwrapped(call: VaultCall, reply: VaultReply) -> SecretBytes:
    """Read the answer to `unwrap`. Raises `EnvelopeError`."""
    if reply.status == 400:  # the error does not say what is wrong with a wrapped key, as the vault does not
        raise TamperedCiphertext("The ciphertext, or the context given for it, is not what was encrypted.")
    _check(call, reply)
    return SecretBytes(_decode(call, reply.body.get("value")))


def unreachable(call: VaultCall, reason: str) -> VaultUnreachable:
    """The error for a call that got no answer."""
    return VaultUnreachable(f"{call.key.vault_url} did not answer: {reason}")


def sign_in_failed(call: VaultCall, reason: str) -> AccessForbidden:
    """The error for a call that was not made, because there is no token for it."""
    return AccessForbidden(f"The sign-in for {call.key.vault_url} failed: {reason[:500]}")


def read_reply(status: int, content: bytes) -> VaultReply:
    """Read an answer of the vault, or of what is in between; without JSON, its body is empty."""
    try:
        body = json.loads(content)
    except ValueError:
        body = None
    return VaultReply(status, body if isinstance(body, dict) else {})


def _check(call: VaultCall, reply: VaultReply) -> None:
    if reply.status != 200:
        raise _failure(call, reply)


def _failure(call: VaultCall, reply: VaultReply) -> EnvelopeError:
    error = reply.body.get("error")
    inner = error.get("innererror") if isinstance(error, Mapping) else None
    code = inner.get("code") if isinstance(inner, Mapping) else None
    sentence = f"{call.key.vault_url} refused {call.path}: {reply.status} {_message(reply)}"
    if reply.status in _RETRIED:
        return unreachable(call, f"{reply.status} {_message(reply)}")
    if reply.status == 403 and code in _STATES:
        return KeyVersionDisabled(sentence)
    if reply.status in {401, 403}:
        return AccessForbidden(sentence)
    return KeyNotFound(sentence) if reply.status == 404 else Refused(sentence)


def _message(reply: VaultReply) -> str:
    """The vault's own sentence, which names no key material."""
    error = reply.body.get("error")
    return str(error.get("message", ""))[:500] if isinstance(error, Mapping) else ""


def _own_key_id(call: VaultCall, key_id: object) -> str:
    """Return the identifier, which must be one of a version of the requested key."""
    try:
        key, version = split_key_id(str(key_id))
    except ValueError:
        version = ""
    if not version or key != call.key:
        raise _strange(call)
    return str(key_id)


def _mapping(call: VaultCall, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _strange(call)
    return value


def _strange(call: VaultCall) -> VaultUnreachable:
    return unreachable(call, "the answer is not one of the Key Vault API. Is there a proxy in between?")


def _path(key_id: str) -> str:
    key, version = split_key_id(key_id)
    return f"keys/{key.name}/{version}"


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decode(call: VaultCall, value: object) -> bytes:
    try:
        return base64.b64decode(str(value) + "=" * (-len(str(value)) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        pass
    raise _strange(call)
