"""The database owner's commands: migrate, apply_privileges. Serves nothing."""

from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
