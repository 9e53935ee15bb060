from django.apps import AppConfig


class AuthorityConfig(AppConfig):
    name = "apps.authority"
    label = "authority"
