"""Explains a denied call by its request id: what is missing, and who can grant it."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.domain.access.permissions import Permission
from apps.domain.denials import explanation
from apps.interfaces.console.developers.base import DevPage
from apps.usage.denials import DenialNotFound


class Explain(DevPage):
    permissions: ClassVar = {"get": Permission.REFUSALS_EXPLAIN}
    section = "dev:explain"
    template = "portal/developers/explain.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Explain a request; its id is in the address, so that a colleague can open it, who sees what they may know."""
        grant = self.grant()
        text = request.GET.get("id", "").strip()[:64]
        explained, problem = None, ""
        if text:
            try:
                explained = explanation.explain_denial(grant=grant, request_id=UUID(text))
            except (ValueError, DenialNotFound) as error:
                problem = error.message if isinstance(error, DenialNotFound) else "?"
        command = f"portal explain {explained.row.request_id}" if explained else "portal denials"
        latest = explanation.list_latest(grant=grant, limit=20)
        return self.show(asked=text, explanation=explained, problem=problem, latest=latest, command=command)
