"""What `portal.<suffix>` answers: the portals, and the management API."""

from django.urls import include, path

urlpatterns = [path("", include("apps.portal.urls")), path("", include("apps.controlplane.urls"))]
