"""The lifecycle test bench: disable, roll, delete a key of a test vault and watch what one's programs make of it."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from apps.audit_log.operation_names import USES, Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.denials import explanation
from apps.interfaces.console.developers.base import VaultPage
from apps.interfaces.console.form_commands import commands
from apps.usage import queries as usage


class LifecycleSimulation(VaultPage):
    operation = Operation.PAGE_BENCH
    permissions: ClassVar = {"get": Permission.VAULTS_OWN}
    template = "portal/developers/bench.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """Keys with their switches; the calls, which the page asks for again every two seconds."""
        vault = self.vault
        self.grant(self.scope())
        part = f"{self.template}#calls" if request.GET.get("part") == "calls" else ""
        keys = [] if part else inventory.list_objects(principal=self.principal, vault=vault, kind="keys", limit=50)
        acts = ("disable", "enable", "rotate", "delete", "recover")
        lines = [commands("key", acts, key.name, vault=vault.name) for key in keys[:1]]
        command = "\n".join([*lines, "portal denials"])
        context = {**self.facts(), "tab": "bench", "keys": keys, "command": command, **self._calls(vault)}
        return self.show(template=part, **context)

    def _calls(self, vault: Any) -> dict[str, Any]:
        mine = self.applications()
        calls = usage.uses_of_callers(caller_ids=[*mine, self.principal.id], vault_id=vault.pk, limit=100)
        uses = [use for use in calls if use.caller_id in mine or use.operation in USES][:10]  # not acts of people
        grant = self.grant(permission=Permission.REFUSALS_EXPLAIN)
        recent = now() - timedelta(minutes=15)
        latest = explanation.list_latest(grant=grant, limit=50)
        refused = [(name, row) for name, row in latest if row.vault_id == vault.pk and row.at >= recent]
        return {
            "calls": [(mine[use.caller_id].name if use.caller_id in mine else use.caller, use) for use in uses],
            "refused": refused[:10],
        }
