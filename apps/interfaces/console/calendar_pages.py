"""The calendar of the next twelve months, the same for security operations and developers."""

import re
from datetime import date
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.core.clock import lifecycle_now
from apps.core.principals import Principal
from apps.domain.access.permissions import Permission
from apps.domain.catalog import calendar
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console import charts
from apps.interfaces.console.base import Page

DAYS = 365
_MOST_ROWS = 500
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])\Z")


class Calendar(Page, abstract=True):
    permissions: ClassVar = {"get": Permission.VAULTS_LIST}
    template = "portal/calendar.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """A picture of the days, and a table: of all months, or of the chosen one."""
        principal = self.grant().principal
        vaults = list_vaults(principal)
        vault = next((one.name for one in vaults if one.name == request.GET.get("vault")), "")
        return self.show(vaults=vaults, vault=vault, command=self.command(vault), **self._content(principal, vault))

    def command(self, vault: str) -> str:
        """The command that lists the same; "" for a role that has none."""
        return ""

    def _content(self, principal: Principal, vault: str) -> dict[str, Any]:
        moment = lifecycle_now()
        events = calendar.list_events(principal=principal, now=moment, days=DAYS, vault=vault)
        days = [(timezone.localtime(event.at).date(), event) for event in events]
        chosen = _MONTH.match(self.request.GET.get("month", ""))
        month = date(int(chosen[1]), int(chosen[2]), 1) if chosen and int(chosen[1]) > 0 else None
        rows = [event for day, event in days if month is None or day.replace(day=1) == month]
        return {
            "chart": charts.year([(day, str(event.what)) for day, event in days], today=timezone.localdate(moment)),
            "events": rows[:_MOST_ROWS],
            "more": len(rows) - _MOST_ROWS if len(rows) > _MOST_ROWS else 0,
            "month": month,
        }
