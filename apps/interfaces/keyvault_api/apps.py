from django.apps import AppConfig


class DataplaneConfig(AppConfig):
    name = "apps.interfaces.keyvault_api"
    label = "dataplane"
