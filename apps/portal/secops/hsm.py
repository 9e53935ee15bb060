"""The worlds and their HSMs."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from apps.access.permissions import Permission
from apps.jobs import dispatch
from apps.jobs.queries import recent_jobs
from apps.portal.secops.base import SecopsPage
from apps.worlds.queries import count_keys, list_worlds


class Hsm(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    section = "secops:hsm"
    template = "portal/secops/hsm.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Which worlds serve, what their HSMs can do, how many keys they protect, and the last jobs."""
        del request
        self.grant()
        counts, worlds = count_keys(), list_worlds()
        rows = [
            {
                "world": world,
                "serving": dispatch.is_healthy(world=world.name),
                "wrapped": counts.get((world.name, "wrapped"), 0),
                "software": counts.get((world.name, "software"), 0),
            }
            for world in worlds
        ]
        facts = sorted({fact for world in worlds for fact in world.profile})
        matrix = [(fact.replace("_", " "), [world.profile.get(fact) for world in worlds]) for fact in facts]
        return self.show(rows=rows, matrix=matrix, jobs=recent_jobs(limit=20))
