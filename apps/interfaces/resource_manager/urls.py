"""What `arm.<suffix>` answers. Azure's ids are compared without case, and so are these addresses."""

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls.resolvers import RegexPattern, URLPattern
from django.utils.functional import cached_property

from apps.interfaces.resource_manager import authorization, discovery, vaults

_SUBSCRIPTION = r"^subscriptions/(?P<subscription>[^/]+)"
_GROUP = rf"{_SUBSCRIPTION}/resourcegroups/(?P<group>[^/]+)"
_KEY_VAULT = r"providers/microsoft\.keyvault"
_VAULT = rf"{_GROUP}/{_KEY_VAULT}/vaults/(?P<name>[^/]+)"
_DELETED = rf"{_SUBSCRIPTION}/{_KEY_VAULT}/locations/(?P<location>[^/]+)/deletedvaults/(?P<name>[^/]+)"
_AUTHORIZATION = r"providers/microsoft\.authorization"
_SCOPE = rf"^(?P<at>subscriptions/[^/]+(/resourcegroups/[^/]+(/{_KEY_VAULT}/vaults/[^/]+(/[a-z]+/[^/]+)?)?)?)"


class _AnyCase(RegexPattern):
    """A pattern without case: Django compares paths with case, and has no option for it."""

    @cached_property
    def regex(self) -> re.Pattern[str]:  # type: ignore[override]  # a descriptor there
        return re.compile(str(self), re.IGNORECASE)


def _path(regex: str, view: Callable[..., Any]) -> URLPattern:
    return URLPattern(_AnyCase(regex, is_endpoint=True), view)


urlpatterns = [
    # `az cloud register` makes two slashes of an address that ends with one.
    _path(r"^/?metadata/endpoints/?$", discovery.Endpoints.as_view()),
    _path(r"^tenants$", discovery.Tenants.as_view()),
    _path(r"^subscriptions$", discovery.Subscriptions.as_view()),
    _path(rf"{_SUBSCRIPTION}$", discovery.Subscriptions.as_view()),
    _path(rf"{_SUBSCRIPTION}/locations$", discovery.Locations.as_view()),
    _path(rf"{_SUBSCRIPTION}/resourcegroups$", discovery.Groups.as_view()),
    _path(rf"{_GROUP}$", discovery.Groups.as_view()),
    _path(rf"{_SUBSCRIPTION}/resources$", vaults.ResourceList.as_view()),
    _path(rf"{_GROUP}/resources$", vaults.ResourceList.as_view()),
    _path(rf"{_SUBSCRIPTION}/providers$", discovery.Providers.as_view()),
    _path(rf"{_SUBSCRIPTION}/providers/(?P<namespace>[^/]+)$", discovery.Providers.as_view()),
    _path(rf"{_SUBSCRIPTION}/providers/(?P<namespace>[^/]+)/register$", discovery.Providers.as_view()),
    _path(r"^providers/(?P<namespace>[^/]+)$", discovery.Providers.as_view()),
    # Vaults
    _path(rf"{_SUBSCRIPTION}/{_KEY_VAULT}/vaults$", vaults.VaultList.as_view()),
    _path(rf"{_GROUP}/{_KEY_VAULT}/vaults$", vaults.VaultList.as_view()),
    _path(
        rf"{_VAULT}$",
        vaults.Vaults.as_view({"get": "retrieve", "put": "put", "patch": "patch", "delete": "destroy"}),
    ),
    _path(rf"{_VAULT}/accesspolicies/(?P<kind>add|replace|remove)$", vaults.AccessPolicies.as_view({"put": "put"})),
    _path(rf"{_SUBSCRIPTION}/{_KEY_VAULT}/checknameavailability$", vaults.NameCheck.as_view()),
    _path(rf"{_SUBSCRIPTION}/{_KEY_VAULT}/deletedvaults$", vaults.DeletedVaultList.as_view()),
    _path(rf"{_DELETED}$", vaults.DeletedVaults.as_view({"get": "retrieve"})),
    _path(rf"{_DELETED}/purge$", vaults.DeletedVaults.as_view({"post": "purge"})),
    _path(
        rf"{_SUBSCRIPTION}/{_KEY_VAULT}/locations/[^/]+/operationstatuses/(?P<request_id>[0-9a-f-]{{36}})$",
        discovery.OperationStatus.as_view(),
    ),
    _path(rf"{_SUBSCRIPTION}/{_KEY_VAULT}/locations/[^/]+/operationresults/purge$", discovery.ResultOfPurge.as_view()),
    # Kinds of resources that clients ask for beside vaults, and that there are none of.
    _path(rf"{_SUBSCRIPTION}/{_KEY_VAULT}/(managedhsms|deletedmanagedhsms)$", discovery.Nothing.as_view()),
    _path(rf"{_GROUP}/{_KEY_VAULT}/managedhsms$", discovery.Nothing.as_view()),
    _path(rf"{_VAULT}/(privateendpointconnections|privatelinkresources)$", discovery.Nothing.as_view()),
    # Roles
    _path(rf"{_SCOPE}/{_AUTHORIZATION}/roledefinitions$", authorization.Definitions.as_view()),
    _path(rf"{_SCOPE}/{_AUTHORIZATION}/roledefinitions/(?P<definition>[^/]+)$", authorization.Definitions.as_view()),
    _path(rf"^{_AUTHORIZATION}/roledefinitions/(?P<definition>[^/]+)$", authorization.Definitions.as_view()),
    _path(rf"{_SCOPE}/{_AUTHORIZATION}/roleassignments$", authorization.AssignmentList.as_view()),
    _path(
        rf"{_SCOPE}/{_AUTHORIZATION}/roleassignments/(?P<assignment>[^/]+)$",
        authorization.Assignments.as_view({"get": "retrieve", "put": "put", "delete": "destroy"}),
    ),
]


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer at addresses that have no resource, or one that this service does not have."""
    del exception
    message = f"The resource type at '{request.path[:200]}' is not offered by this service."
    return JsonResponse({"error": {"code": "InvalidResourceType", "message": message}}, status=404)


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer what the framework does not accept."""
    del request, exception
    return JsonResponse({"error": {"code": "BadRequest", "message": "The request cannot be read."}}, status=400)


def server_error(request: HttpRequest, *_: Any) -> JsonResponse:
    """Answer after a fault of ours, which the log describes."""
    del request
    message = "The request failed for a reason of the service's own."
    return JsonResponse({"error": {"code": "InternalServerError", "message": message}}, status=500)


handler400, handler404, handler500 = bad_request, not_found, server_error
