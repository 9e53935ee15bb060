"""Approval requests."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations, queries
from apps.domain.approvals.people import shared_people
from apps.domain.catalog.impact import calculate_impact
from apps.domain.identity.queries import application_names
from apps.interfaces.console.form_commands import commands
from apps.interfaces.console.security_operations.base import SecopsPage


class Approvals(SecopsPage):
    permissions: ClassVar = {"get": Permission.APPROVALS_READ}
    section = "secops:approvals"
    template = "portal/secops/approvals.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Open ones with their effect; past ones below."""
        me = self.grant().principal.id
        at = now()
        waiting = [
            (
                row,
                calculate_impact(request=row, now=at),
                bool(shared_people(row.requester_id, me, at=row.created)),
                commands("approval", ("show", "approve", "reject"), row.pk),
            )
            for row in queries.list_open(now=at)
        ]
        return self.show(open=waiting, names=application_names(), past=queries.list_past(now=now(), limit=30))


class Decide(SecopsPage):
    permissions: ClassVar = {"post": Permission.APPROVALS_DECIDE}
    require_reauth = True
    error_page = ("secops:approvals",)

    def post(self, request: HttpRequest, request_id: UUID) -> HttpResponse:
        """Approve or reject, with a note."""
        approve = request.POST.get("decision") == "approve"
        row = operations.decide(
            grant=self.grant(), request_id=request_id, approve=approve, note=request.POST.get("note", ""), now=now()
        )
        operation = f"{row.get_act_display()} ({row.place})."
        text = f"Rejected: {operation}"
        if approve:
            text = f"Approved: {operation} {row.requester} can repeat the operation now."
        return self.redirect_with_success(text, "secops:approvals")
