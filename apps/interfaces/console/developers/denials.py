"""Why was a call refused? A request id in, what is missing and who can give it out."""

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from apps.domain.access.permissions import Permission
from apps.domain.denials import explanation
from apps.interfaces.console import form_commands
from apps.interfaces.console.developers.base import DevPage
from apps.usage.denials import DenialNotFound


class Explain(DevPage):
    permissions: ClassVar = {"get": Permission.REFUSALS_EXPLAIN}
    section = "dev:explain"
    template = "portal/developers/explain.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The question is in the address, so that it can be sent to a colleague, who is told what is theirs to know."""
        grant = self.grant()
        text = request.GET.get("id", "").strip()[:64]
        told, problem = None, ""
        if text:
            try:
                told = explanation.explain_denial(grant=grant, request_id=UUID(text))
            except (ValueError, DenialNotFound) as error:
                problem = error.message if isinstance(error, DenialNotFound) else "?"
        latest = explanation.list_latest(grant=grant, limit=20)
        return self.show(asked=text, told=told, problem=problem, latest=latest, command=form_commands.explain(told))
