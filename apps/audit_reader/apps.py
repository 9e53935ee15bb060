from django.apps import AppConfig


class AuditingConfig(AppConfig):
    name = "apps.audit_reader"
    label = "auditing"
