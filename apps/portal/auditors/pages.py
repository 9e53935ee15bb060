"""The pages of auditors: one line for each."""

from django.urls import path

from apps.portal.auditors import explorer

app_name = "auditors"

urlpatterns = [
    path("records", explorer.Explorer.as_view(), name="records"),
    path("records/<uuid:record_id>", explorer.OneRecord.as_view(), name="record"),
    path("search", explorer.Find.as_view(), name="search"),
    path("reading", explorer.OwnReading.as_view(), name="reading"),
]
