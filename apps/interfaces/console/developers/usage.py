"""Calls of the developer's applications, and how close their vaults are to their limits."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.visibility import visible_objects
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import list_vaults
from apps.domain.vaults.quotas import Quota, limit_of
from apps.interfaces.console import charts
from apps.interfaces.console.developers.base import DevPage
from apps.usage import queries as usage

_IN_HSM = frozenset({Quota.HSM_KEY_CREATE, Quota.HSM_RSA_2048, Quota.HSM_RSA_3072, Quota.HSM_RSA_4096})
_ACTS: dict[Quota, str] = {
    Quota.HSM_RSA_2048: "Use RSA 2048, EC and AES keys in the HSM",
    Quota.HSM_RSA_3072: "Use RSA 3072 keys in the HSM",
    Quota.HSM_RSA_4096: "Use RSA 4096 keys in the HSM",
    Quota.RSA_2048: "Use software-protected RSA 2048, EC and AES keys",
    Quota.RSA_3072: "Use software-protected RSA 3072 keys",
    Quota.RSA_4096: "Use software-protected RSA 4096 keys",
    Quota.HSM_KEY_CREATE: "Create keys in the HSM",
    Quota.KEY_CREATE: "Create software-protected keys",
    Quota.SECRET_CREATE: "Set secrets",
    Quota.OTHER: "Other: read, list, update",
}


class Usage(DevPage):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    section = "dev:usage"
    template = "portal/developers/usage.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Calls of the own applications by operation; each vault's minutes against its limit."""
        principal = self.grant().principal
        applications = self.applications()
        mine = visible_objects(principal)
        vaults = [vault for vault in list_vaults(principal) if vault.pk in mine.vaults]
        chosen = next(
            (vault for vault in vaults if vault.name == request.GET.get("vault")), vaults[0] if vaults else None
        )
        context: dict[str, Any] = {"vaults": vaults, "chosen": chosen, "applications": applications}
        if chosen is not None:
            since = now() - timedelta(hours=6)
            context["chart"] = charts.operations_chart(usage.per_minute(since=since, until=now(), vault_id=chosen.pk))
            context |= {"gauge": _gauge(chosen), "limits": _limits(chosen)}
        context["sums"] = usage.sums_of_callers(caller_ids=applications)
        context["uses"] = [
            (applications[use.caller_id].name, use) for use in usage.uses_of_callers(caller_ids=applications, limit=50)
        ]
        return self.show(**context)


def _gauge(vault: Vault) -> dict[str, int]:
    """The busiest minute of the last hour against what the vault may do in one: uses of small keys and reads."""
    limit = 6 * limit_of(vault, Quota.RSA_2048 if vault.test else Quota.HSM_RSA_2048)
    peak = usage.peak_per_minute(vault_id=vault.pk, since=now() - timedelta(hours=1))
    percent = min(100, round(100 * peak / limit)) if limit else 0
    return {"limit": limit, "peak": peak, "percent": percent}


def _limits(vault: Vault) -> list[tuple[str, str, int]]:
    """(what, the limit's name as a 429 has it, how many in ten seconds); 0: no limit."""
    return [
        (what, quota.value, limit_of(vault, quota))
        for quota, what in _ACTS.items()
        if not (vault.test and quota in _IN_HSM)
    ]
