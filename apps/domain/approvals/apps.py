from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    name = "apps.domain.approvals"
    label = "approvals"
