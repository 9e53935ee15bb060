from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "apps.domain.hsm_client"
    label = "jobs"
