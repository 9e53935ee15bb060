from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "apps.interfaces.console"
    label = "portal"

    def ready(self) -> None:
        """Models are there now, which signals are about."""
        from apps.interfaces.console.own_account import connect_signals  # noqa: PLC0415  it imports models

        connect_signals()
