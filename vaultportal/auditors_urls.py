"""What `audit.<suffix>` answers: the auditors' pages and their query API, nothing else."""

from django.urls import include, path

from apps.portal import entrance

urlpatterns = [
    path("", include("apps.portal.auditors.urls")),
    path("ca.pem", entrance.own_authority, name="own_authority"),
    path("", include("apps.controlplane.audit_urls")),
]
