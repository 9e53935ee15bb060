"""What is measured, and the figures that a measurement gives."""

from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

# Name on the command line to title in the table.
SCENARIOS = {
    "rsa-sign": "RSA-2048 sign (RS256)",
    "ec-sign": "EC P-256 sign (ES256)",
    "ec-sign-many": "EC P-256 sign, 1 000 keys",
    "unwrap": "RSA-OAEP-256 unwrap",
    "encrypt": "RSA-OAEP-256 encrypt",
    "aes-encrypt": "AES-256-GCM encrypt",
    "secret-get": "secret get, 1 KB",
    "secret-get-many": "secret get, 1 000 secrets",
    "secret-set": "secret set, 1 KB",
    "secret-set-many": "secret set, 1 000 secrets",
    "secret-get-large": "secret get, 24 KB",
    "secret-set-large": "secret set, 24 KB",
    "rsa-sign-software": "RSA-2048 sign, software key",
    "ec-sign-software": "EC P-256 sign, software key",
    "aes-encrypt-software": "AES-256-GCM encrypt, software key",
    "key-get": "key get",
    "key-list": "key list, 25 of them",
    "key-versions": "versions of a key, 25 of them",
    "key-update": "key update",
    "secret-list": "secret list, 25 of them",
    "secret-update": "secret update",
    "key-create": "key create, EC P-256",
    "token": "access token",
}
QUICK = ("rsa-sign", "ec-sign", "ec-sign-many", "unwrap", "encrypt", "secret-get", "secret-set")  # of `--quick`
CONNECTIONS = 16
FEW_AND_MANY = (1, 256)  # connections of the rounds that show how latency grows
CROWDED = ("rsa-sign", "ec-sign", "secret-get", "secret-set")  # the rows of those rounds
OBJECTS = 16  # keys of each kind and secrets that are used in turn
MANY = 1_000  # keys and secrets that are used in turn where a cache of the usual size would not help
SET_NAMES = 64  # objects that are written in turn: two writers of one name wait for each other in every vault
VERSIONS = 26  # of the key whose versions are listed: one more than a page has
LARGE = 24 * 1024  # bytes of a large secret's value; the contract allows 25 600


class WrongAnswer(Exception):
    """A system answered, but not with the right result: its speed says nothing."""


@dataclass(frozen=True)
class Round:
    """One timed round. Latencies are milliseconds, CPU is seconds per group of processes."""

    requests: int
    seconds: float
    p50: float
    p99: float
    cpu: dict[str, float] = field(default_factory=dict)
    foreign: float = 0.0  # share of the machine's CPU that programs outside the measurement used

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    def cpu_per_request(self, group: str) -> float:
        """Milliseconds of CPU."""
        return 1000 * self.cpu.get(group, 0.0) / self.requests


@dataclass
class Series:
    """The rounds of one system in one scenario, and one round with a single connection."""

    rounds: list[Round] = field(default_factory=list)
    lone: Round | None = None
    crowded: dict[int, Round] = field(default_factory=dict)  # by connections, of `FEW_AND_MANY`

    @property
    def rate(self) -> float:
        """Requests per second, the median of the rounds."""
        return median(each.rate for each in self.rounds)

    @property
    def spread(self) -> tuple[float, float]:
        """(slowest, fastest) round in requests per second."""
        rates = [each.rate for each in self.rounds]
        return min(rates), max(rates)

    @property
    def p50(self) -> float:
        return median(each.p50 for each in self.rounds)

    @property
    def p99(self) -> float:
        return median(each.p99 for each in self.rounds)

    @property
    def groups(self) -> list[str]:
        """The groups of processes whose CPU was read."""
        return list(self.rounds[0].cpu)

    def cpu_per_request(self, group: str) -> float:
        """Milliseconds of CPU, the median of the rounds."""
        return median(each.cpu_per_request(group) for each in self.rounds)


@dataclass
class Results:
    """Everything that a run found."""

    machine: dict[str, str]
    rounds: int
    seconds: int
    stolen: float = 0.0  # share of the machine's CPU that its host gave to others during the run
    table: dict[str, dict[str, Series]] = field(default_factory=dict)  # by scenario, then "portal", "raw", "openbao"
    empty: dict[str, Series] = field(default_factory=dict)  # by scenario, before the database was filled
    filled: dict[str, Series] = field(default_factory=dict)  # and after


class System(Protocol):
    """Something that can be put under load."""

    name: str

    def measure(self, scenario: str, *, seconds: int, connections: int) -> Round:
        """One round. Raises `WrongAnswer` if any request failed."""
        ...

    def offers(self, scenario: str) -> bool:
        """Whether the scenario exists there."""
        ...
