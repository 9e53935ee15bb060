"""The processes that deliver audit logs to their owners and delete expired records. No HSM, no PIN, no portal."""

from vaultportal.env import env_int, env_str
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "apps.workers.log_delivery"]

# How often records are delivered to each destination, at most 10 000 at a time.
DELIVERY_SECONDS = env_int("DELIVERY_SECONDS", 5)
# When records cannot be delivered: the delay, or the fill of the disk below this path, after which the vault's policy
# applies.
DELIVERY_SPOOL_HOURS = env_int("DELIVERY_SPOOL_HOURS", 72)
DELIVERY_SPOOL_PERCENT = env_int("DELIVERY_SPOOL_PERCENT", 80)
DELIVERY_SPOOL_PATH = env_str("DELIVERY_SPOOL_PATH", "")
DELIVERY_FORGET_SECONDS = env_int("DELIVERY_FORGET_SECONDS", 3600)
