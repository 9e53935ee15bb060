from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "apps.portal"
    label = "portal"

    def ready(self) -> None:
        """Models are there now, which signals are about."""
        from apps.portal.own_account import record_changes  # noqa: PLC0415  it imports models

        record_changes()
