"""Commands of the auditors, under the database role that may read the audit log."""

from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
