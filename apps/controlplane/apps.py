from django.apps import AppConfig


class ControlplaneConfig(AppConfig):
    name = "apps.controlplane"
    label = "controlplane"
