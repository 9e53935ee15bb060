"""The thin door: uses of keys and reading of secrets go to the pipeline without Django's request machinery.

It decides nothing: the same `Operation`s, the same `serve`. What it does not know goes to Django. Measured gain:
benchmarks/README.md.
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import orjson
from django.core.signals import request_started

from apps.interfaces.keyvault_api.base import CONTENT_TYPE, method_of
from apps.interfaces.keyvault_api.call import ApiRequest, ApiResponse, read_query
from apps.interfaces.keyvault_api.hosts import host_of
from apps.interfaces.keyvault_api.pipeline import ApiOperation, serve
from apps.interfaces.keyvault_api.views import keys, secrets

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_KEY = re.compile(r"/keys/([^/]+)(?:/([^/]*))?/(sign|verify|encrypt|decrypt|wrapkey|unwrapkey)/?\Z")
_SECRET = re.compile(r"/secrets/([^/]+)(?:/([^/]*))?/?\Z")
_RESERVED = frozenset({"versions", "restore", "backup"})
_VERBS = {
    "sign": keys.SIGN,
    "verify": keys.VERIFY,
    "encrypt": keys.ENCRYPT,
    "decrypt": keys.DECRYPT,
    "wrapkey": keys.WRAP,
    "unwrapkey": keys.UNWRAP,
}
_NOT_VAULTS = frozenset({"login", "portal", "audit"})
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class FastPath:
    """A WSGI application in front of Django's."""

    def __init__(self, django: WsgiApplication) -> None:
        self._django = django

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        found = _hot(environ)
        if found is None:
            return self._django(environ, start_response)
        request_started.send(sender=type(self), environ=environ)  # as Django's door: drops broken connections
        return _send(serve(*found), start_response)


def _hot(environ: dict[str, Any]) -> tuple[ApiOperation, ApiRequest] | None:
    """The operation and the call, if this is one of the hot ones on a vault's host."""
    method, path = method_of(environ), environ["PATH_INFO"]
    if method == "POST" and (match := _KEY.match(path)):
        operation = _VERBS[match[3]]
    elif method == "GET" and (match := _SECRET.match(path)) and match[2] not in _RESERVED:
        operation = secrets.GET
    else:
        return None
    host = host_of(environ)
    if host is None or host.label in _NOT_VAULTS:
        return None
    call = ApiRequest(
        environ=environ,
        vault_name=host.label,
        origin=host.origin,
        name=match[1],
        version=match[2] or "",
        query=read_query(environ),
    )
    return operation, call


def _send(reply: ApiResponse, start_response: StartResponse) -> list[bytes]:
    content = b"" if reply.body is None else orjson.dumps(reply.body)
    headers = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(content))), *reply.headers]
    start_response(_STATUS_LINES[reply.status], headers)
    return [content]
