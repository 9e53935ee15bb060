"""The kinds of failure that may cross a process boundary or reach a client.

A named subclass is defined beside the function that raises it. `status` is the HTTP status of a kind, defined here
only: interfaces and records read it, and `apps.interfaces.keyvault_api.error_response` adds the codes of its contract.
The lane carries an error as its name and sentence, and raises it again on the other side.
"""

from typing import ClassVar


class VaultError(Exception):
    """Base of every expected failure. The sentence is meant for the caller: no secret, no internals."""

    registry: ClassVar[dict[str, type["VaultError"]]] = {}
    code: ClassVar[str] = "VaultError"  # what clients, records and the lane call it; by default the name of the class
    status: ClassVar[int] = 500  # of no kind: nobody's fault but ours

    def __init_subclass__(cls) -> None:
        """Every subclass can be raised again from its code, which must therefore be unique."""
        cls.code = cls.__dict__.get("code", cls.__name__)
        if cls.code in VaultError.registry:
            message = f"two error classes have the code {cls.code}"
            raise TypeError(message)
        VaultError.registry[cls.code] = cls

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class BadRequest(VaultError):
    """The request cannot be understood or breaks a rule of its own values."""

    status = 400


class Unauthenticated(VaultError):
    """Nobody, or nobody we can believe."""

    status = 401


class Forbidden(VaultError):
    """Known, understood, refused."""

    status = 403


class NotFound(VaultError):
    """No such object for this caller."""

    status = 404


class Conflict(VaultError):
    """The object's state does not allow it."""

    status = 409


class TooLarge(BadRequest):
    """More bytes than the contract allows."""

    status = 413


class Throttled(VaultError):
    """Too many; come back after `retry_after` seconds."""

    status = 429
    retry_after = 1


class Unavailable(VaultError):
    """The HSM, the database or the broker is away; nothing was changed."""

    status = 503
    retry_after = 1


def code_of(error: Exception) -> str:
    """The code of an expected failure; the name of the class for every other."""
    return error.code if isinstance(error, VaultError) else type(error).__name__


def raise_named(code: str, message: str) -> None:
    """Raise the error that another process reported.

    Raises the registered subclass, or `Unavailable` for a code that this version does not know: fail closed.
    """
    raise VaultError.registry.get(code, Unavailable)(message)
