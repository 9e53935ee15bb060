"""The database owner's commands: migrate, apply_privileges. Serves nothing."""

from vaultportal.settings import console
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, *console.APPS, "vaultportal"]  # their tables
MIDDLEWARE = console.MIDDLEWARE
SILENCED_SYSTEM_CHECKS = [*console.SILENCED_SYSTEM_CHECKS, "axes.W003"]  # nobody signs in here
