"""Where a developer arrives: what is theirs, what changes by itself, what was refused; and finding, and usage."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.permissions import Permission
from apps.core.clock import now
from apps.inventory import queries as inventory
from apps.inventory import refusals, visibility
from apps.portal import charts
from apps.portal.developers.base import DevPage
from apps.usage import queries as usage
from apps.vaults.models import Vault
from apps.vaults.quotas import Quota, limit_of


class Overview(DevPage):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    section = "dev:overview"
    template = "portal/developers/overview.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Vaults, applications, the next thirty days, the last refusals."""
        del request
        principal = self.grant().principal
        vaults = visibility.vaults_of(principal)
        applications = list(self.applications().values())
        grant = self.grant(permission=Permission.REFUSALS_EXPLAIN)
        refused = refusals.latest(grant=grant, limit=5)
        coming = _coming(principal, vaults, now())
        return self.show(
            vaults=vaults,
            applications=applications,
            refused=refused,
            coming=coming,
            sentence=_sentence(refused, coming),
        )


class Search(DevPage):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    template = "portal/developers/search.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Names of what is theirs."""
        principal = self.grant().principal
        text = request.GET.get("q", "").replace("\0", "")[:200]
        return self.show(query=text, hits=visibility.search_for(principal, text=text, limit=50))


class Usage(DevPage):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    section = "dev:usage"
    template = "portal/developers/usage.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Calls of the own applications by operation; each vault's minutes against its limit."""
        principal = self.grant().principal
        applications = self.applications()
        mine = visibility.reach(principal)
        whole = [vault for vault in visibility.vaults_of(principal) if vault.pk in mine.vaults]
        chosen = next((vault for vault in whole if vault.name == request.GET.get("vault")), whole[0] if whole else None)
        context: dict[str, Any] = {"vaults": whole, "chosen": chosen, "applications": applications}
        if chosen is not None:
            since = now() - timedelta(hours=6)
            context["chart"] = charts.lines(usage.per_minute(since=since, until=now(), vault_id=chosen.pk))
            context["gauge"] = _gauge(chosen)
        context["sums"] = usage.sums_of_callers(caller_ids=applications)
        context["uses"] = [
            (applications[use.caller_id].name, use) for use in usage.uses_of_callers(caller_ids=applications, limit=50)
        ]
        return self.show(**context)


def _coming(principal: Any, vaults: list[Vault], moment: datetime) -> list[inventory.Coming]:
    """What happens by itself to what is theirs."""
    found = inventory.coming(now=moment, days=30, limit=100, vaults=[vault.pk for vault in vaults])
    by_name = {vault.name: vault for vault in vaults}
    shown = []
    for event in found:
        rows = [inventory.get_object(vault=by_name[event.vault], kind=event.kind, name=event.name)]
        if visibility.visible(principal, by_name[event.vault], event.kind, rows):
            scope = inventory.scope_of(by_name[event.vault], event.kind, rows[0])
            shown += [event] if visibility.knows_kind(principal, scope, event.kind) else []
    return shown[:8]


def _sentence(refused: list[Any], coming: list[Any]) -> str:
    day = now() - timedelta(days=1)
    count = len([row for _name, row in refused if row.at >= day])
    first = _("Nothing of your applications was refused in the last day.")
    if count:
        text = ngettext("%(n)s call of yours was refused lately.", "%(n)s calls of yours were refused lately.", count)
        first = text % {"n": count}
    if not coming:
        return first + " " + _("Nothing of yours changes by itself in the next 30 days.")
    text = ngettext(
        "%(n)s thing of yours changes by itself in the next 30 days.",
        "%(n)s things of yours change by themselves in the next 30 days.",
        len(coming),
    )
    return first + " " + text % {"n": len(coming)}


def _gauge(vault: Vault) -> dict[str, int]:
    """The busiest minute of the last hour against what the vault may do in one: uses of small keys and reads."""
    limit = 6 * limit_of(vault, Quota.RSA_2048 if vault.test else Quota.HSM_RSA_2048)
    peak = usage.peak_per_minute(vault_id=vault.pk, since=now() - timedelta(hours=1))
    percent = min(100, round(100 * peak / limit)) if limit else 0
    return {"limit": limit, "peak": peak, "percent": percent}
