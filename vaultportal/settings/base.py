"""Settings of every process. Settings that only some processes may have (the PIN) are in their own modules."""

import secrets
from pathlib import Path

from vaultportal.env import env_database, env_int, env_str

BASE_DIR = Path(__file__).resolve().parents[2]
# Django requires one. The processes that sign or decrypt with it read the installation's (web.py); the others have one
# of their own, which no other process knows.
SECRET_KEY = secrets.token_urlsafe(48)
DEBUG = False
DATABASES = {"default": env_database("DATABASE_URL")}

# <vault>.VAULT_SUFFIX is a vault; login., auth., portal. and audit. are ours. The challenge's resource is the suffix.
VAULT_SUFFIX = env_str("VAULT_SUFFIX", "vault.localhost").lower()
PUBLIC_PORT = env_int("PUBLIC_PORT", 8443)
AUDITORS_PORT = env_int("AUDITORS_PORT", 8444)  # audit.VAULT_SUFFIX: with its own process, port and database role
OWN_PORT = PUBLIC_PORT  # the port in the addresses of this process
ALLOWED_HOSTS = [f".{VAULT_SUFFIX}"]
# Sockets of the HSM workers, <LANE_DIR>/<world>/<kind>/<n>.sock, and the kind of process that this one is; "": none.
LANE_DIR = env_str("LANE_DIR")
LANE_PEER = ""
# The audit log (docs/audit-log.md): files that every writer needs; the lane is for readers.
AUDIT_SEALING_KEY_FILE = env_str("AUDIT_SEALING_KEY_FILE")
AUDIT_WRITER_SECRET_FILE = env_str("AUDIT_WRITER_SECRET_FILE")
AUDIT_VKEY_FILE = env_str("AUDIT_VKEY_FILE", "")
AUDIT_LANE_DIR = env_str("AUDIT_LANE_DIR", "")
AUDIT_LANE_PEER = "auditors"
EVIDENCE_DIR = env_str("EVIDENCE_DIR", "")  # the auditors' evidence packs
AUDIT_WITNESS_DIR = env_str("AUDIT_WITNESS_DIR", "")
AUDIT_CHECK_SECONDS = env_int("AUDIT_CHECK_SECONDS", 20)  # shortest time between two verifications of a whole log
# Delivery of the log to its owners' storage (docs/log-delivery.md): allowed private networks, and the root of
# directories. By default neither is allowed.
DELIVERY_ALLOW = env_str("DELIVERY_ALLOW", "").split(",")
DELIVERY_ROOT = env_str("DELIVERY_ROOT", "")
# A vault's limits are Azure's published ones times this; 0: none (apps/domain/vaults/quotas.py).
QUOTA_FACTOR = env_int("QUOTA_FACTOR", 1)
# Issuers inside this network that applications may trust (hosts, separated by spaces), and their CA certificate.
FEDERATION_INSIDE_HOSTS = frozenset(env_str("FEDERATION_INSIDE_HOSTS", "").lower().split())
FEDERATION_CA_FILE = env_str("FEDERATION_CA_FILE", "")
# For how long a person who created, invited or gave credentials to a requester cannot approve its requests.
APPROVAL_SAME_PERSON_DAYS = env_int("APPROVAL_SAME_PERSON_DAYS", 30)
# Age in days at which the scheduler rotates the key that signs access tokens; 0: by command only.
TOKEN_KEY_DAYS = env_int("TOKEN_KEY_DAYS", 90)
# Whether denials are kept for the owner of their caller to look up (apps/usage/denials.py). Only the processes that
# serve applications have this right in the database.
STORES_DENIALS = False
# The number of test vaults that one developer may have.
TEST_VAULTS_PER_PERSON = env_int("TEST_VAULTS_PER_PERSON", 5)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "guardian",
    "apps.core",
    "apps.usage",
    "apps.audit_log",
    "apps.domain.access",
    "apps.domain.approvals",
    "apps.domain.events",
    "apps.domain.security_worlds",
    "apps.domain.hsm_client",
    "apps.domain.identity",
    "apps.domain.vaults",
    "apps.audit_reader",
    "apps.domain.keys",
    "apps.domain.secrets",
    "apps.log_delivery",
    "apps.event_delivery",
    "apps.domain.certificates",
    "apps.domain.catalog",
    "apps.domain.bulk_rotation",
]
AUTH_USER_MODEL = "identity.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
ANONYMOUS_USER_NAME = None
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]  # apps.domain.access.grants.authorize decides, not has_perm()
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
ATOMIC_REQUESTS = False  # an attempt is committed before anything is sent to a worker

# A test installation, made with a clock that moves: never beside a production vault (apps/core/movable_clock.py).
TEST_CLOCK = env_str("TEST_CLOCK", "") == "1"

# Processes that serve applications cache rows until these change (apps/core/change_feed.py); others, for 0.9 s.
FOLLOW_CHANGES = False

BROKER_URL = env_str("BROKER_URL")
CELERY = {
    "broker_url": BROKER_URL,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_connection_timeout": 2,
    "broker_transport_options": {"socket_timeout": 5, "socket_connect_timeout": 2},
    "accept_content": ["json"],
    "task_serializer": "json",
    "result_backend": None,
    "task_ignore_result": True,
    "task_acks_late": False,  # the Job row decides what runs, not the broker
    "worker_prefetch_multiplier": 1,
    "CELERY_DB_REUSE_MAX": 10_000,  # tasks on one database connection; vaultportal/celery.py checks it before each
    "worker_hijack_root_logger": False,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "task_create_missing_queues": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"limits": {"()": "apps.core.log_limits.LogLimits"}},
    "formatters": {
        "line": {
            "()": "apps.core.log_limits.LimitedFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["limits"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Warnings of the storage libraries contain addresses, which may contain tokens (an Azure SAS).
    "loggers": {name: {"level": "ERROR"} for name in ("django.request", "urllib3", "azure", "botocore")},
}
