from django.apps import AppConfig


class AuditingConfig(AppConfig):
    name = "apps.auditing"
    label = "auditing"
