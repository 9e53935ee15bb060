"""The pages of auditors: one line for each."""

from django.urls import path

from apps.portal.auditors import explorer, integrity, packs

app_name = "auditors"

urlpatterns = [
    path("records", explorer.Explorer.as_view(), name="records"),
    path("records/<uuid:record_id>", explorer.OneRecord.as_view(), name="record"),
    path("search", explorer.Find.as_view(), name="search"),
    path("integrity", integrity.Integrity.as_view(), name="integrity"),
    path("tasks/<uuid:task_id>/cancel", integrity.CancelTask.as_view(), name="task_cancel"),
    path("evidence", packs.Packs.as_view(), name="packs"),
    path("evidence/<uuid:task_id>", packs.Pack.as_view(), name="pack"),
    path("reading", explorer.OwnReading.as_view(), name="reading"),
]
