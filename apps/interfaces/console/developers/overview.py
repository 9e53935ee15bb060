"""The overview of a developer: vaults, upcoming events, denied requests; and the search."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.catalog import visibility
from apps.domain.denials import explanation
from apps.domain.vaults.models import Vault
from apps.interfaces.console.developers.base import DevPage
from apps.interfaces.console.labels import counted


class Overview(DevPage):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    section = "dev:overview"
    template = "portal/developers/overview.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Vaults, applications, the next thirty days, the last refusals."""
        principal = self.grant().principal
        vaults = visibility.vaults_of(principal)
        applications = list(self.applications().values())
        grant = self.grant(permission=Permission.REFUSALS_EXPLAIN)
        refused = explanation.list_latest(grant=grant, limit=5)
        coming = _coming(principal, vaults, now())
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
        text = request.GET.get("q", "").replace("\0", "")[:200]
        return self.show(query=text, hits=visibility.search_for(principal, text=text, limit=50))


def _coming(principal: Any, vaults: list[Vault], moment: datetime) -> list[inventory.UpcomingEvent]:
    """Upcoming events of their objects."""
    upcoming = inventory.list_upcoming(now=moment, days=30, limit=100, vaults=[vault.pk for vault in vaults])
    mine, places = visibility.visible_objects(principal), {vault.name: vault.pk for vault in vaults}
    known = [(event, mine.ids(places[event.vault], event.kind)) for event in upcoming]
    return [event for event, ids in known if ids is None or event.id in ids][:8]


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
