from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "apps.domain.identity"
    label = "identity"
