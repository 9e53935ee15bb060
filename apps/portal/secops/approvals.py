"""Requests that wait for a second person."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.access.permissions import Permission
from apps.approvals import operations, queries
from apps.approvals.models import ApprovalRequest
from apps.core.clock import now
from apps.portal.secops.base import SecopsPage
from apps.usage.queries import callers_of


class Approvals(SecopsPage):
    permissions: ClassVar = {"get": Permission.APPROVALS_READ}
    section = "secops:approvals"
    template = "portal/secops/approvals.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Open ones with their effect; past ones below."""
        del request
        me = self.grant().principal.id
        waiting = [(row, _effect(row), row.requester_id == me) for row in queries.list_open(now=now())]
        return self.show(open=waiting, past=queries.list_past(now=now(), limit=30))


class Decide(SecopsPage):
    permissions: ClassVar = {"post": Permission.APPROVALS_DECIDE}
    step_up = True

    def post(self, request: HttpRequest, request_id: UUID) -> HttpResponse:
        """Approve or reject, with a note."""
        approve = request.POST.get("decision") == "approve"
        row = operations.decide(
            grant=self.grant(), request_id=request_id, approve=approve, note=request.POST.get("note", ""), now=now()
        )
        said = _("Approved") if approve else _("Rejected")
        text = _("%(said)s: %(act)s (%(subject)s) in %(vault)s. %(who)s can repeat the act now.")
        if not approve:
            text = _("%(said)s: %(act)s (%(subject)s) in %(vault)s.")
        shown = {"said": said, "act": row.get_act_display(), "subject": row.subject, "vault": row.vault_name}
        return self.done(text % {**shown, "who": row.requester}, "secops:approvals")

    def came_from(self) -> str:
        return reverse("secops:approvals")


def _effect(row: ApprovalRequest) -> list[dict[str, Any]]:
    """Who used the object, or the vault, in the last 90 days: whom it may break."""
    named = row.subject if "/" in row.subject else ""
    return callers_of(vault_id=row.vault_id, object_id=named, since=now() - timedelta(days=90))[:10]
