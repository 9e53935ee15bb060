"""Host names: a vault, the authority, a portal, or nothing of ours (security-guarantees.md section 5)."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import set_urlconf

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})  # not TRACE, CONNECT or others
TOKEN_LABELS = frozenset({"login", "auth"})  # hosts of the token service
RESOURCE_MANAGER_LABEL = "arm"  # host of the resource management API
_LABEL = re.compile(r"[a-z0-9](?:-?[a-z0-9])*\Z")


class Host(NamedTuple):
    """A host of this installation."""

    label: str  # lower case: a vault's name, or login, auth or portal
    origin: str  # https://host[:port] as the caller wrote it, lower case


def host_of(environ: Mapping[str, Any]) -> Host | None:
    """The host of a request, from its Host header alone; None when it is not exactly one of ours.

    X-Forwarded-* is not believed, nor is a comma (two headers folded), user information, or another port.
    """
    return _parse(str(environ.get("HTTP_HOST", "")))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Host | None:
    name, colon, port = text.lower().partition(":")
    if (colon and port not in (str(settings.OWN_PORT), "443")) or len(name) > 253:
        return None
    suffix = "." + settings.VAULT_SUFFIX
    name = name.removesuffix(".")
    label = name.removesuffix(suffix)
    if label == name or not _LABEL.match(label):
        return None
    suffix = f":{port}" if colon and port != "443" else ""
    return Host(label, f"https://{name}{suffix}")


class HostRouting:
    """Middleware that gives each host its own URLs (settings.HOSTS). A page of one host does not exist on another."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in _METHODS:
            return _method_not_offered()
        host = host_of(request.META)
        urlconf = settings.HOSTS.get(host.label, settings.VAULT_HOSTS) if host is not None else ""
        if not urlconf:
            return unknown_host()
        request.urlconf = urlconf
        set_urlconf(request.urlconf)  # for the middleware that runs before Django does the same
        return self._get_response(request)


def unknown_host() -> HttpResponse:
    """Respond on a host that is not ours."""
    return JsonResponse({"error": {"code": "NotFound", "message": "No vault answers at this host name."}}, status=404)


def _method_not_offered() -> HttpResponse:
    message = f"The method is not offered here. Use one of {', '.join(sorted(_METHODS))}."
    body = {"error": {"code": "MethodNotAllowed", "message": message}}
    return JsonResponse(body, status=405, headers={"Allow": ", ".join(sorted(_METHODS))})
