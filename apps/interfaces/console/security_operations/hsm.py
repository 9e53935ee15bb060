"""The worlds and their HSMs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import queries as jobs
from apps.domain.hsm_client.hsm_status import WorldStatus, status_of
from apps.domain.identity.queries import list_signing_keys
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import count_keys, list_worlds
from apps.interfaces.console.security_operations.base import SecopsPage

# What the ceremony probed, in the words of the page; the order is the page's.
_ABILITIES: dict[str, Promise] = {
    "manufacturer": gettext_lazy("Manufacturer"),
    "model": gettext_lazy("Model"),
    "key_wrap": gettext_lazy("Mechanism that wraps keys"),
    "key_wrap_is_rfc5649": gettext_lazy("Wraps as RFC 5649 says"),
    "key_wrap_carries_length": gettext_lazy("The wrapped form carries the key's exact length"),
    "unwrap_template_enforced": gettext_lazy("Unwrapped keys cannot be made readable"),
    "oaep_sha256_native": gettext_lazy("Takes OAEP padding with SHA-256 off by itself"),
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
        return _("%s does not answer. What still works is said below.") % ", ".join(row.world.name for row in away)
    p99 = max((row.status.p99 for row in rows if row.status.p99 is not None), default=None)
    if p99 is None:
        return _("Every world serves. Nothing was asked of the HSMs since their workers started.")
    return _("Every world serves. 99 of 100 requests took at most %s ms.") % f"{p99:.1f}"


def _mechanisms(worlds: list[SecurityWorld]) -> list[tuple[str, list[bool]]]:
    """Every mechanism that any HSM offers, and which do."""
    offered: list[set[Any]] = [set(world.profile.get("mechanisms", ())) for world in worlds]
    return [(name, [name in mechanisms for mechanisms in offered]) for name in sorted(set().union(*offered))]
