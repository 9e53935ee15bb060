"""The database owner's commands: migrate, apply_privileges. Serves nothing."""

from vaultportal.settings import portals
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, *portals.APPS]  # their tables
MIDDLEWARE = portals.MIDDLEWARE
SILENCED_SYSTEM_CHECKS = [*portals.SILENCED_SYSTEM_CHECKS, "axes.W003"]  # nobody signs in here
