"""The calendar of everything."""

from apps.interfaces.console import calendar_pages
from apps.interfaces.console.form_commands import command
from apps.interfaces.console.security_operations.base import SecopsPage


class Calendar(calendar_pages.Calendar, SecopsPage):
    section = "secops:calendar"

    def command(self, vault: str) -> str:
        return command("calendar", vault=vault, days=calendar_pages.DAYS)
