"""The processes that carry usage logs to their owners and forget what is old enough. No HSM, no PIN, no portal."""

from vaultportal.env import env_int, env_str
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "apps.workers.log_delivery"]

# How often each destination is served; every delivery takes what has come until then, 10 000 records at a time.
DELIVERY_SECONDS = env_int("DELIVERY_SECONDS", 5)
# When records cannot leave: after how long, or at how full a disk below this path, the vault's own policy decides.
DELIVERY_SPOOL_HOURS = env_int("DELIVERY_SPOOL_HOURS", 72)
DELIVERY_SPOOL_PERCENT = env_int("DELIVERY_SPOOL_PERCENT", 80)
DELIVERY_SPOOL_PATH = env_str("DELIVERY_SPOOL_PATH", "")
DELIVERY_FORGET_SECONDS = env_int("DELIVERY_FORGET_SECONDS", 3600)
