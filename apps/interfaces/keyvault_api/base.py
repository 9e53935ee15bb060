"""The Django door: a view that serves declared operations, by method."""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from apps.interfaces.keyvault_api.call import ApiRequest, ApiResponse, read_query
from apps.interfaces.keyvault_api.hosts import host_of, not_ours
from apps.interfaces.keyvault_api.pipeline import ApiOperation, serve

_OVERRIDES = frozenset({"GET", "PUT", "PATCH", "DELETE"})
CONTENT_TYPE = "application/json; charset=utf-8"


class IgnoreAcceptHeader(BaseContentNegotiation):
    """JSON for everybody: SDKs send `Accept: */*` or nothing (docs/reference/wire-contract.md section 1)."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        del request
        return parsers[0] if parsers else None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        del request, format_suffix
        return renderers[0], CONTENT_TYPE


class DataPlaneView(APIView):
    """Serves `operations`, one per method; the pipeline authenticates, authorises and records."""

    operations: ClassVar[dict[str, ApiOperation]] = {}
    authentication_classes = ()  # the pipeline does it, the same for both doors
    permission_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = IgnoreAcceptHeader
    schema = None  # the data plane's description is Azure's

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not self.operations:
            message = "a data-plane view without operations would answer without authorisation"
            raise TypeError(message)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Every method arrives here: which ones exist, the declared operations say."""
        del args
        host = host_of(request.META)
        if host is None:
            return not_ours()
        operation = self.operations.get(method_of(request.META))
        if operation is None:
            return method_not_allowed(sorted(self.operations))
        call = ApiRequest(
            environ=request.META,
            vault_name=host.label,
            origin=host.origin,
            name=kwargs.get("name") or "",
            version=kwargs.get("version") or "",
            issuer=kwargs.get("issuer") or "",
            query=read_query(request.META),
        )
        return to_response(serve(operation, call))

    options = http_method_not_allowed  # the framework's own answer would describe the view to anybody


def method_of(environ: Mapping[str, Any]) -> str:
    """The method; a POST may name another one in a header, for clients behind proxies (wire-contract.md section 1)."""
    method = str(environ["REQUEST_METHOD"])
    override = str(environ.get("HTTP_X_HTTP_METHOD", "")).upper()
    return override if method == "POST" and override in _OVERRIDES else method


def to_response(reply: ApiResponse) -> HttpResponse:
    """The answer as Django sends it."""
    content = b"" if reply.body is None else orjson.dumps(reply.body)
    response = HttpResponse(content, status=reply.status, content_type=CONTENT_TYPE)
    for name, value in reply.headers:
        response[name] = value
    return response


def method_not_allowed(allowed: list[str]) -> HttpResponse:
    """405 in the contract's shape."""
    message = f"The method is not offered at this address. Use {', '.join(allowed)}."
    response = to_response(ApiResponse(405, {"error": {"code": "MethodNotAllowed", "message": message}}))
    response["Allow"] = ", ".join(allowed)
    return response


def not_offered(request: Any, **_: Any) -> HttpResponse:
    """Addresses that no operation has: unknown to Azure, or not offered here yet."""
    del request
    message = "This address has no operation, or one that this version does not offer yet."
    return to_response(ApiResponse(404, {"error": {"code": "NotFound", "message": message}}))
