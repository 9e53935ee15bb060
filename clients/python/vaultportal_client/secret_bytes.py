"""Key bytes that no representation shows."""

from typing import NoReturn


class SecretBytes:
    """The bytes of a data key. `repr`, `str`, `format` and tracebacks with local variables show a placeholder.

    Python cannot erase memory: the bytes are gone when they are collected, not before.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the bytes. Do not keep them in a local variable of a function that can raise."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return "<secret bytes>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Secret bytes are not pickled or copied.")
