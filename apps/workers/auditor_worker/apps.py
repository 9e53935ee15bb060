from django.apps import AppConfig


class AuditorWorkerConfig(AppConfig):
    name = "apps.workers.auditor_worker"
    label = "auditor_worker"
