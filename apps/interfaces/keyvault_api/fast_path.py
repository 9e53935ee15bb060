"""The fast path: operations on a vault's host go to the pipeline without Django's request machinery.

It decides nothing: it calls the same `serve` with the same `ApiOperation`s as Django's views, which answer what has no
operation (404, 405) and paths that are not ASCII. Measured gain: benchmarks/README.md.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import orjson
from django.conf import settings

from apps.interfaces.keyvault_api.base import CONTENT_TYPE, method_of
from apps.interfaces.keyvault_api.hosts import host_of
from apps.interfaces.keyvault_api.messages import ApiRequest, ApiResponse, read_query
from apps.interfaces.keyvault_api.pipeline import ApiOperation, serve
from apps.interfaces.keyvault_api.routes import find_route

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class FastPath:
    """A WSGI application in front of Django's."""

    def __init__(self, django: WsgiApplication) -> None:
        self._django = django

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        matched = _match(environ)
        if matched is None:
            return self._django(environ, start_response)
        return _send(serve(*matched), start_response)


def _match(environ: dict[str, Any]) -> tuple[ApiOperation, ApiRequest] | None:
    """The operation and the request, if the host is a vault's and the path and method have an operation."""
    path: str = environ["PATH_INFO"]
    found = find_route(path) if path.isascii() else None
    if found is None:
        return None
    route, parts = found
    operation = route.operations.get(method_of(environ))
    host = host_of(environ)
    if operation is None or host is None or host.label in settings.HOSTS:
        return None
    known = {name: value for name, value in parts.groupdict().items() if value}
    return operation, ApiRequest(
        environ=environ, vault_name=host.label, origin=host.origin, query=read_query(environ), **known
    )


def _send(response: ApiResponse, start_response: StartResponse) -> list[bytes]:
    content = b"" if response.body is None else orjson.dumps(response.body)
    headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(content))), *response.headers]
    start_response(_STATUS_LINES[response.status], headers)
    return [content]
