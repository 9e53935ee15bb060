"""Commands of the auditors, under the one database role that may read the trail."""

from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
