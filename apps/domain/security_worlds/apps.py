from django.apps import AppConfig


class WorldsConfig(AppConfig):
    name = "apps.domain.security_worlds"
    label = "worlds"
