"""The auditors' portal and API, with their own host, port, cookies and database role (docs/audit-log.md)."""

from vaultportal.settings.web import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.web import AUDITORS_PORT, INSTALLED_APPS

INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if app not in ("apps.interfaces.keyvault_api", "apps.interfaces.token_service")),
    "apps.workers.auditor_worker",
]
OWN_PORT = AUDITORS_PORT
LANE_PEER = ""  # auditors use no key
FOLLOW_CHANGES = False
STORES_DENIALS = False  # nobody looks up what was denied here
ROOT_URLCONF = "vaultportal.urls.audit_host"
HOSTS = {"audit": "vaultportal.urls.audit_host"}
VAULT_HOSTS = ""  # no vault answers here
WSGI_APPLICATION = "vaultportal.wsgi.auditor_web.application"
SIGN_IN_ROLE = "auditor"
SESSION_ENGINE = "apps.domain.identity.auditor_sessions"
SESSION_COOKIE_NAME = "__Host-audit-session"
CSRF_COOKIE_NAME = "__Host-audit-csrf"
