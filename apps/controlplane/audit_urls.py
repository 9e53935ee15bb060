"""The auditors' query API, on `audit.<suffix>`."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.controlplane import audit, audit_packs

urlpatterns = [
    path("health", audit.health),
    path(
        "api/v1/audit/schema",
        SpectacularAPIView.as_view(
            authentication_classes=[], permission_classes=[], urlconf="apps.controlplane.audit_urls"
        ),
        name="audit_schema",
    ),
    path("api/v1/audit/records", audit.Records.as_view()),
    path("api/v1/audit/records/<uuid:record_id>", audit.OneRecord.as_view()),
    path("api/v1/audit/export", audit.Export.as_view()),
    path("api/v1/audit/packs", audit_packs.Packs.as_view()),
    path("api/v1/audit/packs/<uuid:task_id>", audit_packs.OnePack.as_view()),
    path("api/v1/audit/packs/<uuid:task_id>/file", audit_packs.PackFile.as_view()),
    path("api/v1/audit/logs", audit.Logs.as_view()),
    path("api/v1/audit/checkpoints", audit.Checkpoints.as_view()),
    path("api/v1/audit/proof", audit.Proof.as_view()),
    path("api/v1/audit/vkey", audit.Vkey.as_view()),
    path("api/v1/audit/verifier", audit.VerifierFile.as_view()),
    path("api/v1/audit/pack-verifier", audit.PackVerifierFile.as_view()),
]
