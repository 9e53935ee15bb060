"""The pages of auditors: one line for each."""

from django.urls import path

from apps.interfaces.console.auditors import access, evidence_packs, explorer, integrity, patterns, review_queue

app_name = "auditors"

urlpatterns = [
    path("records", explorer.Explorer.as_view(), name="records"),
    path("records/<uuid:record_id>", explorer.OneRecord.as_view(), name="record"),
    path("search", explorer.RecordFinder.as_view(), name="search"),
    path("integrity", integrity.Integrity.as_view(), name="integrity"),
    path("tasks/<uuid:task_id>/cancel", integrity.CancelTask.as_view(), name="task_cancel"),
    path("evidence", evidence_packs.EvidencePacks.as_view(), name="packs"),
    path("evidence/<uuid:task_id>", evidence_packs.EvidencePack.as_view(), name="pack"),
    path("queue", review_queue.ReviewQueue.as_view(), name="queue"),
    path("access", access.Access.as_view(), name="access"),
    path("patterns", patterns.Patterns.as_view(), name="patterns"),
    path("reading", explorer.OwnActivity.as_view(), name="reading"),
]
