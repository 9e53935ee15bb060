"""Test call: one real operation, by the person, in the place where the snippet would do it."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.catalog.test_calls import run_test_call
from apps.interfaces.console.developers.objects import ObjectPage


class Try(ObjectPage):
    """The answer is shown beside the snippet; htmx asks for that part alone."""

    permissions: ClassVar = {"post": Permission.VAULTS_READ}  # the permission of the call itself is asked for below
    template = "portal/developers/object.html"

    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Sign, wrap or read once, and say what came back: never a secret's value."""
        vault, row, scope = self.find_object()

        def grant(permission: Permission) -> Grant:
            return self.grant(scope, permission)

        tried = run_test_call(grant_for=grant, vault=vault, kind=kind, row=row)
        if request.headers.get("HX-Request"):
            return self.show(template="portal/developers/tried.html", tried=tried)
        return self.show(tab="use", tried=tried, **self.facts(request.POST.get("lang", "python")))

    def error_url(self) -> str:
        return super().error_url() + "?tab=use"
