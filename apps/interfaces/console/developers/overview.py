"""The overview of a developer: vaults, upcoming events, denied requests; and the search."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from apps.core.clock import lifecycle_now, now
from apps.domain.access.permissions import Permission
from apps.domain.catalog import calendar
from apps.domain.catalog import queries as inventory
from apps.domain.denials import explanation
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.labels import counted


class Overview(DevPage):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    section = "dev:overview"
    template = "portal/developers/overview.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Vaults, applications, the next thirty days, the last refusals."""
        principal = self.grant().principal
        vaults = list_vaults(principal)
        applications = list(self.applications().values())
        grant = self.grant(permission=Permission.REFUSALS_EXPLAIN)
        refused = explanation.list_latest(grant=grant, limit=5)
        coming = calendar.list_upcoming(principal=principal, now=lifecycle_now(), days=30, limit=8)
        day = now() - timedelta(days=1)
        lately = explanation.count_denials(grant=grant, since=day)
        return self.show(
            vaults=vaults,
            applications=applications,
            refused=refused,
            coming=coming,
            sentence=in_words(lately, coming, rejected=explanation.is_rejected(grant=grant, since=day)),
        )


class Search(DevPage):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    template = "portal/developers/search.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Names of what is theirs."""
        principal = self.grant().principal
        text = request.GET.get("q", "")[:200]
        return self.show(query=text, hits=inventory.search(principal=principal, text=text, limit=50))


def in_words(refused: int, coming: list[Any], *, rejected: bool) -> str:
    """Denied requests and scheduled changes, in two or three sentences."""
    denied = counted(refused, "denied request", "denied requests") if refused else "No denied requests"
    scheduled = counted(len(coming), "scheduled change", "scheduled changes") if coming else "No scheduled changes"
    sentences = [
        f"{denied} in the last 24 hours.",
        *(["A token or a credential was rejected."] if rejected else []),
        f"{scheduled} in the next 30 days.",
    ]
    return " ".join(sentences)
