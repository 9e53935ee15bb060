from django.apps import AppConfig


class SecretsConfig(AppConfig):
    name = "apps.domain.secrets"
    label = "secrets"
