"""The calendar, of what a developer may know of."""

from apps.interfaces.console import calendar_pages
from apps.interfaces.console.developers.base import DevPage


class Calendar(calendar_pages.Calendar, DevPage):
    section = "dev:calendar"
