from django.apps import AppConfig


class KeysConfig(AppConfig):
    name = "apps.domain.keys"
    label = "keys"
