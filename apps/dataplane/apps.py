from django.apps import AppConfig


class DataplaneConfig(AppConfig):
    name = "apps.dataplane"
    label = "dataplane"
