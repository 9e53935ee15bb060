"""The few static files of the portal, straight from `static/`: a list, not a directory, so nothing else is served."""

from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse

_FILES = {"portal.css": "text/css; charset=utf-8"}


def serve(_request: HttpRequest, name: str) -> HttpResponse:
    """One of the listed files."""
    if name not in _FILES:
        raise Http404
    content = (Path(settings.BASE_DIR) / "static" / name).read_bytes()
    return HttpResponse(content, content_type=_FILES[name], headers={"Cache-Control": "max-age=3600"})
