"""Finding things by name."""

from typing import ClassVar

from django.http import HttpRequest, HttpResponse

from apps.access.permissions import Permission
from apps.inventory.queries import search
from apps.portal.secops.base import SecopsPage


class Search(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    template = "portal/secops/search.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Names of vaults, objects, applications and people."""
        self.grant()
        text = request.GET.get("q", "")[:200]
        return self.show(query=text, hits=search(text=text, limit=50))
