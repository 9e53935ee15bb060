"""URLs of `portal.<suffix>`: the portals and the management API."""

from django.urls import include, path

urlpatterns = [
    path("", include("apps.interfaces.console.urls")),
    path("", include("apps.interfaces.management_api.urls")),
]
