"""The web process: the vaults and the token service. No PKCS#11 module, no PIN. The portal process adds its host."""

from vaultportal.env import env_int, env_secret, env_str
from vaultportal.settings import console
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import BASE_DIR, DATABASES, INSTALLED_APPS, VAULT_SUFFIX
from vaultportal.settings.console import *  # noqa: F403  their names are Django's and the libraries'

SECRET_KEY = env_secret("DJANGO_SECRET_KEY")  # of sessions, second factors, and links to further pages
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "rest_framework",
    "drf_spectacular",
    "apps.interfaces.keyvault_api",
    "apps.interfaces.token_service",
    "apps.interfaces.management_api",
    *console.APPS,
]
LANE_PEER = "web"
FOLLOW_CHANGES = True
STORES_DENIALS = True
# A request that would wait longer for a lock, above all the log's, gets 503 within two seconds and may retry.
DATABASES["default"]["OPTIONS"]["options"] = "-c lock_timeout=1700ms"
# `apps.interfaces.keyvault_api.hosts` chooses the URL configuration per host; this is the one of a vault.
ROOT_URLCONF = "apps.interfaces.keyvault_api.urls"
# Host label -> URL configuration; "" is not served by this process. Any other label is a vault's.
HOSTS = {
    "login": "apps.interfaces.token_service.urls",
    "auth": "apps.interfaces.token_service.regional_urls",
    "portal": "",
    "arm": "",
    "audit": "",
}
# The Unix socket of the portal process, to which requests to the portal's host are forwarded.
PORTAL_SOCKET = env_str("PORTAL_SOCKET", "")
VAULT_HOSTS = "apps.interfaces.keyvault_api.urls"
SIGN_IN_ROLE = ""  # everybody may sign in; on the auditors' host, auditors alone
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"context_processors": console.CONTEXT_PROCESSORS},
    }
]
WSGI_APPLICATION = "vaultportal.wsgi.web.application"
APPEND_SLASH = False  # a redirect would break the SDKs' empty version segments (wire-contract.md section 1)
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "apps.interfaces.keyvault_api.hosts.HostRouting",
    *console.MIDDLEWARE,
]
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
# An uploaded key must not be written to a temporary file: larger files are not keys and are rejected.
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# A request that takes longer to arrive must arrive at 4 KB/s; and the connections that one address may have open
# (of IPv6, a /64). 0: no limit, for a reverse proxy.
REQUEST_SECONDS = env_int("REQUEST_SECONDS", 10)
CONNECTIONS_PER_ADDRESS = env_int("CONNECTIONS_PER_ADDRESS", 256)
DATA_PLANE_SLOTS = env_int("DATA_PLANE_SLOTS", 16, least=1)  # requests to vaults that are worked on at once
# One thread hashes at a time, and nobody takes its turns from others.
PASSWORD_HASHERS = ["apps.core.password_hashing.QueuedPBKDF2PasswordHasher"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.interfaces.management_api.authentication.PersonAuthentication",
        "apps.interfaces.management_api.authentication.BearerToken",
        "apps.interfaces.management_api.authentication.PortalSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.interfaces.management_api.parsers.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.interfaces.management_api.errors.handle",
    "URL_FORMAT_OVERRIDE": None,  # ?format= chooses nothing: there is one format
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vault Portal management API",
    "VERSION": "v1",
    "DESCRIPTION": f"Vaults, application identities and role assignments, on portal.{VAULT_SUFFIX}.",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {"RolloverKindEnum": ["bulk", "staged"]},  # other serializers have a `kind` too
}
