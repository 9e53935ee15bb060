"""WSGI entry of the auditors' portal."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

import vaultportal.urls.audit_host  # noqa: E402, F401  loaded now, so that a fault stops the start
