"""Rules of secrets. Pure."""

from dataclasses import dataclass
from datetime import datetime

from apps.core.errors import BadRequest, Forbidden

LARGEST_VALUE_BYTES = 25 * 1024  # 25 600 accepted, 25 601 rejected (docs/reference/security-guarantees.md section 9)


class BadSecret(BadRequest):
    """A value, content type or date outside the contract."""


class SecretTooLong(BadSecret):
    """More than 25 KB."""


class SecretDisabled(Forbidden):
    """The version is disabled."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """The attributes of a new value."""

    content_type: str | None = None
    enabled: bool = True
    not_before: datetime | None = None
    expires: datetime | None = None
    tags: dict[str, str] | None = None


def encode_value(value: str) -> bytes:
    """Encode a value for storage. Raises `BadSecret` for lone surrogates, `SecretTooLong` above 25 600 bytes."""
    try:
        data = value.encode("utf-8")
    except UnicodeEncodeError:
        raise BadSecret("The property 'value' is not valid Unicode text.") from None
    check_size(data)
    return data


def check_size(data: bytes) -> None:
    """Raise `SecretTooLong` above 25 600 bytes."""
    if len(data) > LARGEST_VALUE_BYTES:
        raise SecretTooLong(f"The secret has {len(data)} bytes; a secret may have {LARGEST_VALUE_BYTES}.")


def check_dates(not_before: datetime | None, expires: datetime | None) -> None:
    """Raise `BadSecret` when the secret would expire before it may be used."""
    if not_before is not None and expires is not None and expires <= not_before:
        raise BadSecret("The property 'exp' must be later than 'nbf'.")


def check_read(*, enabled: bool) -> None:
    """Raise `SecretDisabled`. `nbf` and `exp` do not block reading (docs/reference/wire-contract.md section 12)."""
    if not enabled:
        raise SecretDisabled("Operation get is not allowed on a disabled secret.")


def check_reason(reason: str) -> str:
    """Check the reason for revealing a value. Returns it stripped. Raises `BadSecret` for none, or a long one."""
    reason = reason.strip()
    if not (3 <= len(reason) <= 300 and reason.isprintable()):
        raise BadSecret("Say in one line why you need to see the value, 3 to 300 characters. Auditors read it.")
    return reason


def seal_context(*, world: str, vault_id: str, name: str, version: str) -> bytes:
    """The associated data of a sealed value: it cannot be unsealed in another place.

    The folded name, length-prefixed like every part, so that no two places share a context.
    """
    parts = ("secret", world, vault_id, name.lower(), version)
    return b"".join(len(part.encode()).to_bytes(2) + part.encode() for part in parts)
