"""WSGI entry of the web: hot operations take the fast path, the rest Django's. Both call the same functions."""

from django.core.wsgi import get_wsgi_application

from apps.core.content_type import with_readable_content_type

_django = with_readable_content_type(get_wsgi_application())

# Models exist only after Django is set up; and what each host serves is loaded now, so that a fault stops the start.
import vaultportal.urls.portal_host  # noqa: E402, F401
from apps.interfaces.http_server.connection_watch import start_watch  # noqa: E402
from apps.interfaces.http_server.front import Front  # noqa: E402
from apps.interfaces.keyvault_api.fast_path import FastPath  # noqa: E402

application = Front(FastPath(_django))
start_watch()
