"""The URL configuration of a vault's host: the routes as Django's views, which serve what the fast path does not."""

import re

from django.urls import URLPattern, re_path
from django.urls.resolvers import RegexPattern

from apps.interfaces.keyvault_api.base import DataPlaneView, not_offered
from apps.interfaces.keyvault_api.routes import ROUTES, Route


class _AnyCase(RegexPattern):
    """A pattern of Django that does not tell capital letters from small ones; Django's own takes no flags."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern, is_endpoint=True)
        self.__dict__["regex"] = re.compile(pattern, re.IGNORECASE)


def _pattern(route: Route) -> URLPattern:
    return URLPattern(_AnyCase(rf"^/?{route.path.pattern}"), DataPlaneView.as_view(operations=route.operations))


urlpatterns = [*map(_pattern, ROUTES), re_path(r"", not_offered)]
