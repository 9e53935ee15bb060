"""Limits of the data-key caches. Reasons for the defaults: docs/decisions/0040-client-library.md."""

from dataclasses import dataclass

_MOST_MESSAGES = 2**32


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, and for how many messages and bytes, data keys are used. Ages and intervals are in seconds.

    `max_age`, `max_messages`, `max_bytes`: of a data key that encrypts; the first limit that is reached ends its use.
    `version_check`: the time between look-ups of the newest versions of the keys, unless `refresh` is called.
    `opened_age`, `opened_keys`: age and number of cached data keys for decryption. Content of a disabled version still
    decrypts with a cached data key until that is `opened_age` old.
    `retry_after`: the time for which a vault that did not answer is asked last.
    """

    max_age: float = 300.0
    max_messages: int = 2**20
    max_bytes: int = 2**34
    version_check: float = 60.0
    opened_age: float = 300.0
    opened_keys: int = 1000
    retry_after: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what would switch the limits off. Raises `ValueError`."""
        if not 0 < self.max_age <= 86_400 or not 0 <= self.opened_age <= 86_400:
            raise ValueError("max_age and opened_age are at most a day.")
        if not 0 < self.max_messages <= _MOST_MESSAGES or self.max_bytes < 1:
            raise ValueError("max_messages is between 1 and 2**32, and max_bytes at least 1.")
        if self.version_check < 0 or self.retry_after < 0 or self.opened_keys < 1:
            raise ValueError("version_check and retry_after are not negative, and opened_keys is at least 1.")
