"""WSGI entry of the web: hot operations take the fast path, the rest Django's; the portals' requests are forwarded."""

from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from apps.core.content_type import with_readable_content_type

_django = with_readable_content_type(get_wsgi_application())

# Models exist only after Django is set up.
from apps.interfaces.http_server.connection_watch import start_watch  # noqa: E402
from apps.interfaces.http_server.forwarding import Forwarder  # noqa: E402
from apps.interfaces.http_server.vaults_front import VaultsFront  # noqa: E402
from apps.interfaces.keyvault_api.fast_path import FastPath  # noqa: E402

application = VaultsFront(FastPath(_django), portal=Forwarder(Path(settings.PORTAL_SOCKET)))
start_watch()
