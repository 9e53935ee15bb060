"""The portal process: the portals in the browser and both management APIs, behind the web process."""

from vaultportal.settings.web import *  # noqa: F403  settings modules inherit this way

HOSTS = {"portal": "vaultportal.urls.portal_host", "arm": "apps.interfaces.resource_manager.urls"}
VAULT_HOSTS = ""  # no vault answers here
ROOT_URLCONF = "vaultportal.urls.portal_host"
WSGI_APPLICATION = "vaultportal.wsgi.portal.application"
