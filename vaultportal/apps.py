from django.apps import AppConfig


class VaultPortalConfig(AppConfig):
    name = "vaultportal"
    label = "vaultportal"
