"""Resources of the resource management API. Each action declares its permission and makes one domain call."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import BadRequest
from apps.core.principals import Principal
from apps.core.request_facts import request_context
from apps.domain.access.grants import Grant, NotAuthorised, Scope
from apps.domain.access.permissions import Permission
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import list_worlds
from apps.domain.vaults.queries import VaultNotFound
from apps.interfaces.management_api import base
from apps.interfaces.management_api.authentication import SignedIn
from apps.interfaces.resource_manager import addresses
from apps.interfaces.resource_manager.authentication import ApplicationToken, PersonToken
from apps.interfaces.resource_manager.errors import BadContent, GroupNotFound, SubscriptionNotFound, handle

_API_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview|-privatepreview)?\Z", re.ASCII)
_ACTIONS = {  # the actions of Azure RBAC that messages name; others are ours
    Permission.VAULTS_CREATE: "Microsoft.KeyVault/vaults/write",
    Permission.VAULTS_UPDATE: "Microsoft.KeyVault/vaults/write",
    Permission.VAULTS_READ: "Microsoft.KeyVault/vaults/read",
    Permission.VAULTS_LIST: "Microsoft.KeyVault/vaults/read",
    Permission.VAULTS_DELETE: "Microsoft.KeyVault/vaults/delete",
    Permission.VAULTS_PURGE: "Microsoft.KeyVault/locations/deletedVaults/purge/action",
    Permission.ROLES_READ: "Microsoft.Authorization/roleAssignments/read",
    Permission.ROLES_ASSIGN: "Microsoft.Authorization/roleAssignments/write",
}
Body = TypeVar("Body")


class BadApiVersion(BadRequest):
    """The api-version is missing or is none."""

    code = "MissingApiVersionParameter"


class _AlwaysJson(BaseContentNegotiation):
    """Clients send any Accept header, or none."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        del request
        return parsers[0] if parsers else None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        del request, format_suffix
        return renderers[0], "application/json; charset=utf-8"


class ArmView(APIView):
    """What all addresses have in common: sign-in, api-version, subscription, headers, the shape of errors."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (ApplicationToken, PersonToken)
    content_negotiation_class = _AlwaysJson
    renderer_classes = (JSONRenderer,)
    schema = None  # Azure describes it

    def get_exception_handler(self) -> Any:
        return handle

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the address, the api-version and the subscription, after the caller."""
        super().initial(request, *args, **kwargs)
        if "\0" in request.path:  # no name has one, and PostgreSQL takes none
            raise BadContent("The request address contains a NUL character.")
        version = request.query_params.get("api-version", "")
        if not _API_VERSION.match(version):
            raise BadApiVersion(
                "The api-version query parameter (?api-version=YYYY-MM-DD) is required for all requests."
            )
        named = self.kwargs.get("subscription")
        if named is not None and named.lower() != addresses.subscription_id():
            raise SubscriptionNotFound(f"The subscription '{named[:40]}' could not be found.")

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Add the headers by which a client finds a request again."""
        response = super().finalize_response(request, response, *args, **kwargs)
        context = request_context(request.META)
        response["x-ms-request-id"] = response["x-ms-correlation-request-id"] = str(context.request_id)
        response["Cache-Control"] = "no-cache"
        client_id = context.correlation_id
        if client_id and client_id.isascii() and client_id.isprintable() and len(client_id) <= 128:
            response["x-ms-client-request-id"] = client_id
        return response

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        del args, kwargs
        message = f"The method {request.method} is not offered at this address."
        body = {"error": {"code": "MethodNotAllowed", "message": message}}
        return Response(body, status=405, headers={"Allow": ", ".join(self.allowed_methods)})

    @property
    def principal(self) -> Principal:
        """The caller. Only addresses without sign-in have none."""
        assert isinstance(self.request.user, SignedIn)  # noqa: S101  the permission classes let nobody else in
        return self.request.user.principal

    def region_of_operation(self) -> str:
        """The region in the address of an operation's state."""
        return list_worlds()[0].region

    def find_world(self, name: str) -> SecurityWorld:
        """The security world that a group's name means. Raises `GroupNotFound`."""
        for world in list_worlds():
            if world.name.lower() == name.lower():
                return world
        raise GroupNotFound(
            f"Resource group '{name[:90]}' could not be found. The groups are the security worlds: "
            f"{', '.join(world.name for world in list_worlds())}."
        )

    def body(self, kind: type[Body]) -> Body:
        """The body as a struct. Raises `BadContent`, `ValidationError`."""
        data = self.request.data
        if not isinstance(data, dict) or not int(self.request.META.get("CONTENT_LENGTH") or 0):
            raise BadContent("The request content was invalid: it is no JSON object.")
        return msgspec.convert(data, type=kind)


class ArmResource(ArmView, base.Resource):
    """Actions with a permission (`management_api.base.endpoint`)."""

    def authorize(self, scope: Scope) -> Grant:
        """The grant for the action at this scope. Raises `NotAuthorised` in Azure's words, `ReauthRequired`."""
        try:
            return super().authorize(scope)
        except (NotAuthorised, VaultNotFound):  # the second for a vault that a developer must not know of
            raise NotAuthorised(self.denial()) from None

    def denial(self) -> str:
        """The message of a 403: who asked, for what, where. It says nothing of whether there is such a vault."""
        permission, caller = self.permission(), self.principal
        place = self.request.path.rstrip("/")[:300]
        return (
            f"The client '{caller.client_id or caller.name}' with object id '{caller.id}' does not have authorization "
            "to perform action "
            f"'{_ACTIONS.get(permission, permission)}' over scope '{place}' or the scope is invalid. If access was "
            "recently granted, please refresh your credentials. Security operations let an application manage vaults "
            "with: portal application manager NAME"
        )
