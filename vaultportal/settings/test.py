"""Tests: the web's settings and the workers' apps, on the database that `./portal test` started."""

import os

# Linters and editors load these settings without a running system.
os.environ.setdefault("DATABASE_URL", "postgresql:///vaultportal")
os.environ.setdefault("BROKER_URL", "memory://")
os.environ.setdefault("LANE_DIR", "/nonexistent")
os.environ.setdefault("DJANGO_SECRET_KEY_FILE", __file__)
os.environ.setdefault("AUDIT_SEALING_KEY_FILE", __file__)
os.environ.setdefault("AUDIT_WRITER_SECRET_FILE", __file__)

from vaultportal.settings.log_delivery import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.web import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.web import HOSTS, INSTALLED_APPS

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "apps.workers.auditor_worker",
    "apps.workers.ceremony",
    "apps.workers.log_delivery",
    "vaultportal",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, and no password is worth anything here
HSM_WORLD = os.environ.get("HSM_WORLD", "")
HSM_MODULE = os.environ.get("HSM_MODULE", "")
HSM_TOKEN_LABEL = os.environ.get("HSM_TOKEN_LABEL", "")
HSM_PIN_FILE = os.environ.get("HSM_PIN_FILE", "")
HSM_HANDLE_CACHE_MB = 64
LANE_SOCKET = LANE_ACCOUNTS = ""
HOSTS = {**HOSTS, "portal": "vaultportal.urls.portal_host", "arm": "apps.interfaces.resource_manager.urls"}
FOLLOW_CHANGES = False  # tests change rows in transactions that are rolled back
AUDIT_LANE_PEER = "auditors"
