"""WSGI entry of the portal process: the portals and the management API, behind the web process."""

from django.core.wsgi import get_wsgi_application

from apps.core.content_type import with_readable_content_type

_django = with_readable_content_type(get_wsgi_application())

import apps.interfaces.resource_manager.urls  # noqa: E402, F401  loaded now, so that a fault stops the start
import vaultportal.urls.portal_host  # noqa: E402, F401  as above
from apps.interfaces.http_server.forwarding import with_forwarded_address  # noqa: E402
from apps.interfaces.http_server.pages_front import PagesFront  # noqa: E402

application = with_forwarded_address(PagesFront(_django))
