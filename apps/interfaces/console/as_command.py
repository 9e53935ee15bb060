"""The command of a form while a person types (`form_commands`). Changes nothing, and no secret value is sent here."""

from typing import ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import escape

from apps.domain.access.permissions import Permission
from apps.interfaces.console.base import OwnPage
from apps.interfaces.console.form_commands import CommandForm
from apps.interfaces.console.page_context import zone_of


class AsCommand(OwnPage):
    permissions: ClassVar = {"post": Permission.SESSIONS_OPEN}

    def post(self, request: HttpRequest, form: str) -> HttpResponse:
        """The command with the values of the form; `form`: the name of its class. Its context is in the address."""
        self.grant()
        if form not in CommandForm.commands:
            raise Http404
        with timezone.override(zone_of(request)):
            line = CommandForm.commands[form].of(**request.GET.dict()).line(request.POST.dict())
        return HttpResponse(escape(line))
