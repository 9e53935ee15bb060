"""URLs of `audit.<suffix>`: the auditors' pages and their query API, nothing else."""

from django.urls import include, path

from apps.interfaces.console import landing

urlpatterns = [
    path("", include("apps.interfaces.console.auditors.urls")),
    path("ca.pem", landing.own_authority, name="own_authority"),
    path("", include("apps.interfaces.management_api.audit_urls")),
]
