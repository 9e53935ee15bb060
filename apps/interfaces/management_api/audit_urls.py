"""The auditors' query API, on `audit.<suffix>`."""

from django.urls import path

from apps.interfaces.management_api.audit_log import Logs, Records, Searches, health
from apps.interfaces.management_api.evidence_packs import Packs
from apps.interfaces.management_api.rollover_certificates import RolloverCertificates
from apps.interfaces.management_api.schema import Schema

urlpatterns = [
    path("health", health),
    path(
        "api/v1/audit/schema",
        Schema.as_view(
            authentication_classes=[], permission_classes=[], urlconf="apps.interfaces.management_api.audit_urls"
        ),
        name="audit_schema",
    ),
    path("api/v1/audit/records", Searches.as_view({"get": "list_records"})),
    path("api/v1/audit/records/<uuid:record_id>", Records.as_view({"get": "retrieve"})),
    path("api/v1/audit/export", Searches.as_view({"get": "export"})),
    path("api/v1/audit/packs", Packs.as_view({"get": "list", "post": "create"})),
    path("api/v1/audit/packs/<uuid:task_id>", Packs.as_view({"get": "retrieve", "delete": "cancel"})),
    path("api/v1/audit/packs/<uuid:task_id>/file", Packs.as_view({"get": "download"})),
    path("api/v1/audit/rollover-certificates", RolloverCertificates.as_view({"get": "list", "post": "create"})),
    path("api/v1/audit/rollover-certificates/<uuid:task_id>", RolloverCertificates.as_view({"get": "retrieve"})),
    path("api/v1/audit/logs", Logs.as_view({"get": "list"})),
    path("api/v1/audit/checkpoints", Searches.as_view({"get": "list_checkpoints"})),
    path("api/v1/audit/proof", Records.as_view({"get": "prove"})),
    path("api/v1/audit/vkey", Logs.as_view({"get": "list_vkeys"})),
    path("api/v1/audit/verifier", Logs.as_view({"get": "get_verifier"})),
    path("api/v1/audit/pack-verifier", Logs.as_view({"get": "get_pack_verifier"})),
]
