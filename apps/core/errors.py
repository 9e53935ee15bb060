"""Kinds of failure that may cross a process boundary or reach a client.

A named subclass is defined beside the function that raises it. The HTTP `status` of a kind is defined here only:
interfaces and records read it, and `apps.interfaces.keyvault_api.error_response` adds the codes of its contract.
The HSM socket transmits an error as its code and message, and raises it again on the other side.
"""

from typing import ClassVar


class VaultError(Exception):
    """Base of every expected failure. The message is for the caller: no secret, no internals."""

    registry: ClassVar[dict[str, type["VaultError"]]] = {}
    code: ClassVar[str] = "VaultError"  # in responses, records and on the HSM socket; by default the class name
    status: ClassVar[int] = 500  # without a kind: a fault of the service
    recorded = False  # True when another process answered with it, and has recorded the denial

    def __init_subclass__(cls) -> None:
        """Register the subclass by its code, which must be unique, so that it can be raised again from it."""
        cls.code = cls.__dict__.get("code", cls.__name__)
        if cls.code in VaultError.registry:
            message = f"two error classes have the code {cls.code}"
            raise TypeError(message)
        VaultError.registry[cls.code] = cls

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class BadRequest(VaultError):
    """The request is malformed or has invalid values."""

    status = 400


class Unauthenticated(VaultError):
    """The caller is unknown or not authenticated."""

    status = 401


class Forbidden(VaultError):
    """The caller is known, and may not do this."""

    status = 403


class NotFound(VaultError):
    """No such object for this caller."""

    status = 404


class Conflict(VaultError):
    """The state of the object does not allow it."""

    status = 409


class TooLarge(BadRequest):
    """The request has more bytes than allowed."""

    status = 413


class Throttled(VaultError):
    """Too many requests; retry after `retry_after` seconds."""

    status = 429
    retry_after = 1


class Unavailable(VaultError):
    """The HSM, the database or the broker is unavailable; nothing was changed."""

    status = 503
    retry_after = 1


def code_of(error: Exception) -> str:
    """Return the code of an expected failure; the class name of any other."""
    return error.code if isinstance(error, VaultError) else type(error).__name__


def raise_named(code: str, message: str, *, retry_after: int = 0, recorded: bool = False) -> None:
    """Raise the error that another process reported, with the seconds to wait, if it named them.

    Raises the registered subclass, or `Unavailable` for a code that this version does not know: fail closed.
    """
    error = VaultError.registry.get(code, Unavailable)(message)
    error.recorded = recorded
    if retry_after and isinstance(error, (Throttled, Unavailable)):
        error.retry_after = retry_after
    raise error
