"""The options that precede the command."""

from dataclasses import dataclass

TIMEOUT = 70.0  # seconds; the service itself gives up after 60


@dataclass(frozen=True, slots=True)
class Settings:
    """The profile, the file of the certificate authority, and the timeout of a request."""

    profile: str
    ca: str
    timeout: float = TIMEOUT
