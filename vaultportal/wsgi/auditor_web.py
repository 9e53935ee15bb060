"""WSGI entry of the auditors' portal."""

from django.core.wsgi import get_wsgi_application

from apps.core.content_type import with_readable_content_type

_django = with_readable_content_type(get_wsgi_application())

import vaultportal.urls.audit_host  # noqa: E402, F401  loaded now, so that a fault stops the start
from apps.interfaces.http_server.connection_watch import start_watch  # noqa: E402
from apps.interfaces.http_server.pages_front import PagesFront  # noqa: E402

application = PagesFront(_django)
start_watch()
