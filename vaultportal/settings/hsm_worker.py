"""HSM workers: the only processes with the PKCS#11 module and the path of the PIN."""

from vaultportal.env import env_int, env_str
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import CELERY, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "apps.workers.ceremony"]
HSM_WORLD = env_str("HSM_WORLD")
HSM_MODULE = env_str("HSM_MODULE")
HSM_TOKEN_LABEL = env_str("HSM_TOKEN_LABEL")
HSM_PIN_FILE = env_str("HSM_PIN_FILE")
HSM_HANDLE_CACHE_MB = env_int("HSM_HANDLE_CACHE_MB", 64, least=1)  # MiB for live handles and verified keys
# <LANE_DIR>/<world>/<n>.sock stands for one socket per kind of process in directories of these kinds; empty: a worker
# for jobs, without a lane. LANE_ACCOUNTS: "kind=account[,account] ..."; empty: the worker's own account.
LANE_SOCKET = env_str("LANE_SOCKET", "")
LANE_ACCOUNTS = env_str("LANE_ACCOUNTS", "")
if LANE_SOCKET:  # its one thread must not wait long for a row that another process has locked
    DATABASES["default"]["OPTIONS"]["options"] = "-c lock_timeout=1000ms"
LANE_PEER = "workers"  # of the workers of another world
FOLLOW_CHANGES = True
STORES_DENIALS = True
CELERY = {**CELERY, "imports": ["apps.workers.hsm_worker.tasks"]}
