"""The URL configuration of a vault's host: the routes as Django's views, which serve what the fast path does not."""

from django.urls import re_path

from apps.interfaces.keyvault_api.base import DataPlaneView, not_offered
from apps.interfaces.keyvault_api.routes import ROUTES

urlpatterns = [
    *(re_path(rf"^{route.path.pattern}", DataPlaneView.as_view(operations=route.operations)) for route in ROUTES),
    re_path(r"", not_offered),
]
