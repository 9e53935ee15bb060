"""The web's entry: hot operations take the thin door, everything else Django's. Both lead to the same functions."""

from django.core.wsgi import get_wsgi_application

_django = get_wsgi_application()

from apps.dataplane.door import ThinDoor  # noqa: E402  models exist only after Django is set up

application = ThinDoor(_django)
