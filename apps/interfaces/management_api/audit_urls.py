"""The auditors' query API, on `audit.<suffix>`."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.interfaces.management_api import audit_log, evidence_packs

urlpatterns = [
    path("health", audit_log.health),
    path(
        "api/v1/audit/schema",
        SpectacularAPIView.as_view(
            authentication_classes=[], permission_classes=[], urlconf="apps.interfaces.management_api.audit_urls"
        ),
        name="audit_schema",
    ),
    path("api/v1/audit/records", audit_log.Records.as_view()),
    path("api/v1/audit/records/<uuid:record_id>", audit_log.OneRecord.as_view()),
    path("api/v1/audit/export", audit_log.Export.as_view()),
    path("api/v1/audit/packs", evidence_packs.Packs.as_view()),
    path("api/v1/audit/packs/<uuid:task_id>", evidence_packs.OnePack.as_view()),
    path("api/v1/audit/packs/<uuid:task_id>/file", evidence_packs.PackFile.as_view()),
    path("api/v1/audit/logs", audit_log.Logs.as_view()),
    path("api/v1/audit/checkpoints", audit_log.Checkpoints.as_view()),
    path("api/v1/audit/proof", audit_log.Proof.as_view()),
    path("api/v1/audit/vkey", audit_log.Vkey.as_view()),
    path("api/v1/audit/verifier", audit_log.VerifierFile.as_view()),
    path("api/v1/audit/pack-verifier", audit_log.PackVerifierFile.as_view()),
]
