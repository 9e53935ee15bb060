from django.apps import AppConfig


class VaultsConfig(AppConfig):
    name = "apps.domain.vaults"
    label = "vaults"
