"""What `audit.<suffix>` answers: the auditors' pages and their query API, nothing else."""

from django.urls import include, path

urlpatterns = [path("", include("apps.portal.auditors.urls")), path("", include("apps.controlplane.audit_urls"))]
