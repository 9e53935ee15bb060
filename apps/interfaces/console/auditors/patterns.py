"""Usage patterns: records by hour and weekday, and which callers use which objects."""

from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.audit_log.operation_names import USES, Operation
from apps.audit_reader import queries, search_service
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.interfaces.console import charts
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.page_context import zone_of
from apps.usage.queries import pairs_of

WEEKS = 4
_PAIRS = 200


class Patterns(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ}
    section = "auditors:patterns"
    template = "portal/auditors/patterns.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show four weeks of one vault or of all."""
        moment, chosen = now(), self.chosen(request.GET.dict())
        search_service.search(grant=self.grant(chosen.scope), operation=Operation.LOG_PATTERNS, vault=chosen.name)
        since = moment - timedelta(weeks=WEEKS)
        counts = queries.by_hour(log_id=chosen.log_id, since=since, until=moment, zone=zone_of(request))
        vault_id = chosen.log_id if chosen.name else self.vaults[0].pk if self.vaults else None
        pairs = self._pairs(vault_id)
        return self.show(
            chosen=chosen,
            vaults=self.vaults,
            map_of=self.names.vault(vault_id) if vault_id else "",
            heat=charts.heat(counts),
            sentence=_sentence(counts),
            graph=charts.graph(pairs),
            pairs=pairs[:100],
            weeks=WEEKS,
        )

    def _pairs(self, vault_id: UUID | None) -> list[tuple[str, str, int]]:
        """(caller, object without version, uses), the most used first."""
        if vault_id is None:
            return []
        summed: dict[tuple[str, str], int] = {}
        for caller, item, uses in pairs_of(
            vault_id=vault_id, operations=USES, since=now() - timedelta(weeks=WEEKS), limit=_PAIRS
        ):
            key = (self.names.caller(caller), "/".join(item.split("/")[:2]))
            summed[key] = summed.get(key, 0) + uses
        return sorted(((caller, item, uses) for (caller, item), uses in summed.items()), key=lambda row: -row[2])


def _sentence(counts: dict[tuple[int, int], tuple[int, int]]) -> str:
    total = sum(count for count, _refused in counts.values())
    if not total:
        return "No activity in these 4 weeks."
    night = sum(count for (day, hour), (count, _r) in counts.items() if day > 5 or not 6 <= hour < 20)
    return f"{round(100 * night / total)} % of activity was off-hours (20:00 to 06:00 or weekend)."
