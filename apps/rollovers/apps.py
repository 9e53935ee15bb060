from django.apps import AppConfig


class RolloversConfig(AppConfig):
    name = "apps.rollovers"
    label = "rollovers"
