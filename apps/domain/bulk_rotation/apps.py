from django.apps import AppConfig


class RolloversConfig(AppConfig):
    name = "apps.domain.bulk_rotation"
    label = "rollovers"
