from django.apps import AppConfig


class ControlplaneConfig(AppConfig):
    name = "apps.interfaces.management_api"
    label = "controlplane"
