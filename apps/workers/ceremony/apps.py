from django.apps import AppConfig


class CeremonyConfig(AppConfig):
    name = "apps.workers.ceremony"
    label = "ceremony"
