"""Log delivery and log retention: no HSM, no PIN, no web interface."""

from vaultportal.env import env_int, env_str
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "apps.workers.log_delivery"]
LANE_PEER = AUDIT_LANE_PEER = "delivery"

# Interval of deliveries to a destination; each delivers the new records, 10 000 at a time.
DELIVERY_SECONDS = env_int("DELIVERY_SECONDS", 5)
# When records cannot be delivered for this long, or the disk of this path is this full, the vault's policy applies.
DELIVERY_SPOOL_HOURS = env_int("DELIVERY_SPOOL_HOURS", 72)
DELIVERY_SPOOL_PERCENT = env_int("DELIVERY_SPOOL_PERCENT", 80)
DELIVERY_SPOOL_PATH = env_str("DELIVERY_SPOOL_PATH", "")
DELIVERY_FORGET_SECONDS = env_int("DELIVERY_FORGET_SECONDS", 3600)
