"""What stands in front of the command."""

from dataclasses import dataclass

SECONDS = 70.0  # to wait for an answer: the service itself gives up after 60


@dataclass(frozen=True, slots=True)
class Settings:
    """Which sign-in, which certificate authority, and how long an answer is waited for."""

    profile: str
    ca: str
    seconds: float = SECONDS
