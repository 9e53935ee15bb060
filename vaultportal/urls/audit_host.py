"""URLs of `audit.<suffix>`: the auditors' pages and their query API, nothing else."""

from django.urls import include, path

from apps.interfaces.console import invitation, landing

urlpatterns = [
    path("", include("apps.interfaces.console.auditors.urls")),
    path("invitation/<str:token>", invitation.Invitation.as_view(), name="invitation"),  # the pages write nothing else
    path("ca.pem", landing.own_authority, name="own_authority"),
    path("", include("apps.interfaces.management_api.audit_urls")),
]
