from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "apps.domain.access"
    label = "access"
