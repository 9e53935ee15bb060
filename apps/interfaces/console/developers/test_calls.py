"""Test call: one real operation, by the person, in the place where the snippet would do it."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from apps.audit_log.operation_names import Operation
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.catalog.test_calls import run_test_call
from apps.interfaces.console.developers.objects import ObjectPage


class TestCall(ObjectPage):
    """The answer is shown beside the snippet; htmx asks for that part alone."""

    uses_objects = True
    permissions: ClassVar = {"post": Permission.VAULTS_READ}  # the permission of the call itself is asked for below
    operation = Operation.PAGE_TRY

    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Sign, wrap or read once, and say what came back: never a secret's value."""
        vault, row, scope = self.find_object()

        def grant(permission: Permission) -> Grant:
            return self.grant(scope, permission)

        tried = run_test_call(grant_for=grant, vault=vault, kind=kind, row=row)
        if request.headers.get("HX-Request"):
            return self.show(template="portal/developers/tried.html", tried=tried)
        return self.show_object("use", request.POST.get("lang", "python"), tried=tried)

    def object_url(self) -> str:
        return super().object_url() + "?tab=use"
