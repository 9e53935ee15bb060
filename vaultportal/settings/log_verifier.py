"""The log verifier: no HSM, no PIN, no web interface."""

from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import INSTALLED_APPS

AUDIT_LANE_PEER = "verifier"
INSTALLED_APPS = [*INSTALLED_APPS, "apps.workers.log_verifier"]
