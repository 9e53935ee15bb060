"""The worlds and their HSMs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import queries as jobs
from apps.domain.hsm_client.hsm_status import WorldStatus, status_of
from apps.domain.identity.queries import list_signing_keys
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import count_keys, list_worlds
from apps.interfaces.console.security_operations.base import SecopsPage

# What the ceremony probed, in the words of the page; the order is the page's.
_ABILITIES: dict[str, str] = {
    "manufacturer": "Manufacturer",
    "model": "Model",
    "key_wrap": "Key wrap mechanism",
    "key_wrap_is_rfc5649": "RFC 5649 wrap",
    "key_wrap_carries_length": "Wrapped keys keep their exact length",
    "unwrap_template_enforced": "Unwrapped keys cannot be made extractable",
    "oaep_sha256_native": "OAEP-SHA256 unpadding in HSM",
    "ed25519_wrapped": "Ed25519 keys protected by the HSM",
}


@dataclass(frozen=True, slots=True)
class WorldRow:
    """A world, what its workers say, and how many keys it protects."""

    world: SecurityWorld
    status: WorldStatus
    wrapped: int
    software: int
    signs_tokens: bool


class Hsm(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    section = "secops:hsm"
    template = "portal/secops/hsm.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Which worlds serve and how fast, their tokens, what their HSMs can do, the keys they protect, the jobs."""
        self.grant()
        counts, worlds, moment = count_keys(), list_worlds(), now()
        signing = [key.world_name for key in list_signing_keys()[:1]]
        rows = [
            WorldRow(
                world,
                status_of(world=world.name),
                counts.get((world.name, "wrapped"), 0),
                counts.get((world.name, "software"), 0),
                world.name in signing,
            )
            for world in worlds
        ]
        away = [row for row in rows if not row.status.serving]
        return self.show(
            rows=rows,
            away=away,
            sentence=_sentence(rows, away),
            slowest=max((latency.p99 for row in rows for latency in row.status.latencies), default=0),
            abilities=[(label, [world.profile.get(fact) for world in worlds]) for fact, label in _ABILITIES.items()],
            mechanisms=_mechanisms(worlds),
            making=jobs.job_durations(since=moment - timedelta(days=1), limit=1000),
            jobs=jobs.recent_jobs(limit=10),
        )


def _sentence(rows: list[WorldRow], away: list[WorldRow]) -> str:
    if away:
        return "{} is offline. See below what still works.".format(", ".join(row.world.name for row in away))
    p99 = max((row.status.p99 for row in rows if row.status.p99 is not None), default=None)
    if p99 is None:
        return "All worlds are online. No requests since the workers started."
    return f"All worlds are online. p99 {p99:.1f} ms."


def _mechanisms(worlds: list[SecurityWorld]) -> list[tuple[str, list[bool]]]:
    """Every mechanism that any HSM offers, and which do."""
    offered: list[set[Any]] = [set(world.profile.get("mechanisms", ())) for world in worlds]
    return [(name, [name in mechanisms for mechanisms in offered]) for name in sorted(set().union(*offered))]
