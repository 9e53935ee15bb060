"""Finding things by name."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from apps.domain.access.permissions import Permission
from apps.domain.catalog.queries import search
from apps.interfaces.console.security_operations.base import SecopsPage


class Search(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    template = "portal/secops/search.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Names of vaults, objects, applications and people."""
        principal = self.grant().principal
        text = request.GET.get("q", "")[:200]
        return self.show(query=text, hits=search(principal=principal, text=text, limit=50))
