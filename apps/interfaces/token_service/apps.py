from django.apps import AppConfig


class AuthorityConfig(AppConfig):
    name = "apps.interfaces.token_service"
    label = "authority"
