"""What clients read before they manage anything: the cloud's endpoints, tenant, subscription, groups, providers."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.domain.approvals.queries import RequestNotFound, get_request
from apps.domain.identity.queries import addresses, get_organisation
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import list_worlds
from apps.interfaces.resource_manager import addresses as ids
from apps.interfaces.resource_manager.base import ArmView
from apps.interfaces.resource_manager.errors import Unsupported

_VERSIONS = ["2024-11-01", "2023-07-01", "2023-02-01", "2022-07-01", "2021-10-01", "2019-09-01", "2018-02-14"]
_PROVIDERS = {
    "Microsoft.KeyVault": ("vaults", "deletedVaults", "locations/deletedVaults", "operations", "checkNameAvailability"),
    "Microsoft.Authorization": ("roleAssignments", "roleDefinitions"),
    "Microsoft.Resources": ("subscriptions", "resourceGroups", "tenants"),
}
_FIXED = (
    "The resource groups are the security worlds of this installation: the HSMs that protect the vaults in them. A "
    "ceremony makes them, and this API neither creates, changes nor deletes one."
)


class Endpoints(ArmView):
    """The description of this cloud, for anybody: `az cloud register`, Terraform's `metadata_host`."""

    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        """One cloud; a list of clouds for the versions that had one (before 2022)."""
        cloud = _cloud()
        return Response([cloud] if request.query_params["api-version"] < "2022" else cloud)


class Tenants(ArmView):
    def get(self, request: Request) -> Response:
        """List the one tenant."""
        del request
        organisation = get_organisation()
        tenant = {
            "id": f"/tenants/{organisation.tenant_id}",
            "tenantId": str(organisation.tenant_id),
            "displayName": organisation.name,
            "tenantCategory": "Home",
            "defaultDomain": addresses().suffix,
            "domains": [addresses().suffix],
        }
        return Response({"value": [tenant]})


class Subscriptions(ArmView):
    def get(self, request: Request, subscription: str = "") -> Response:
        """Read the one subscription, or list it."""
        del request
        return Response(_subscription() if subscription else {"value": [_subscription()]})


class Locations(ArmView):
    def get(self, request: Request, **_names: Any) -> Response:
        """List the locations: the regions of the security worlds."""
        del request
        regions = {world.region: world.geography for world in list_worlds()}
        values = [
            {"id": f"{ids.subscription()}/locations/{region}", "name": region, "displayName": geography}
            for region, geography in sorted(regions.items())
        ]
        return Response({"value": values})


class Groups(ArmView):
    """The resource groups: one for each security world."""

    def get(self, request: Request, group: str = "", **_names: Any) -> Response:
        """Read a group, or list all."""
        del request
        if group:
            return Response(_group(self.find_world(group)))
        return Response({"value": [_group(world) for world in list_worlds()]})

    def head(self, request: Request, group: str = "", **_names: Any) -> Response:
        """Tell whether there is a group."""
        del request
        self.find_world(group)
        return Response(status=204)

    def put(self, request: Request, group: str = "", **_names: Any) -> Response:
        """Accept a group that is there as it is: tools declare the groups that they use. Raises `Unsupported`."""
        world = next((world for world in list_worlds() if world.name.lower() == group.lower()), None)
        data = request.data if isinstance(request.data, dict) else {}
        location = data.get("location")
        if world is None or not isinstance(location, str) or not ids.is_location(location, world) or data.get("tags"):
            known = ", ".join(f"{world.name} in {world.region}" for world in list_worlds())
            raise Unsupported(f"{_FIXED} They are, without tags: {known}.")
        return Response(_group(world))

    def refuse(self, request: Request, **_names: Any) -> Response:
        """Raise `Unsupported`."""
        del request
        raise Unsupported(_FIXED)

    patch = delete = refuse


class Providers(ArmView):
    def get(self, request: Request, namespace: str = "", **_names: Any) -> Response:
        """Read a resource provider, or list those that there are."""
        del request
        if not namespace:
            return Response({"value": [_provider(name) for name in _PROVIDERS]})
        return Response(_provider(_find_provider(namespace)))

    def post(self, request: Request, namespace: str = "", **_names: Any) -> Response:
        """Register a resource provider: those that there are always are."""
        del request
        return Response(_provider(_find_provider(namespace)))


class Nothing(ArmView):
    """Lists of kinds of resources that do not exist here: managed HSMs, private endpoints, locks, policies."""

    def get(self, request: Request, **_names: Any) -> Response:
        """An empty list."""
        del request
        return Response({"value": []})


class OperationStatus(ArmView):
    """The state of an operation that waits for a second person: it was not done, and the caller repeats it."""

    def get(self, request: Request, request_id: Any, **_names: Any) -> Response:
        """Tell what has to happen. Raises `RequestNotFound`, also for the request of somebody else."""
        try:
            row = get_request(request_id=UUID(request_id))
        except ValueError:
            raise RequestNotFound("There is no such request.") from None
        if row.requester_id != self.principal.id:
            raise RequestNotFound("There is no such request.")
        message = (
            f"{row.get_act_display()} ({row.place}) needs approval by a second person. Request {row.pk} is "
            f"{row.state}. The operation was not carried out: repeat it when the request is approved."
        )
        error = {"code": "ApprovalRequired", "message": message}
        return Response({"id": request.path, "name": str(row.pk), "status": "Failed", "error": error})


class ResultOfPurge(ArmView):
    """The result of a purge, which is complete when the request for it is answered."""

    def get(self, request: Request, **_names: Any) -> Response:
        """Report success: the caller got this address with the answer to an operation that had succeeded."""
        del request
        return Response({"status": "Succeeded"})


def _cloud() -> dict[str, Any]:
    service = addresses()
    return {
        "name": "VaultPortal",
        "portal": service.portal,
        "resourceManager": f"{service.resource_manager}/",
        "authentication": {
            "loginEndpoint": service.authority,
            "audiences": [service.resource_manager],
            "tenant": "common",  # as at Azure: with another, azurerm of Terraform sees an Azure Stack, and refuses
            "identityProvider": "AAD",
        },
        # There is no storage. Terraform's azurerm refuses a cloud without it; it asks none when it manages vaults.
        "suffixes": {"keyVaultDns": service.authority_part, "storage": f"storage.{service.authority_part}"},
        # There is no Microsoft Graph. Terraform's azurerm refuses a cloud without one, and reads from the claims of a
        # token for it who signed in; other tools that ask it get this API's 404, which they can read.
        "microsoftGraphResourceId": service.resource_manager,
        # Services of Azure that clients expect in this document and that do not exist here.
        "graph": "",
        "graphAudience": "",
        "gallery": "",
        "media": "",
        "batch": "",
        "sqlManagement": "",
        "vmImageAliasDoc": "",
        "activeDirectoryDataLake": "",
    }


def _subscription() -> dict[str, Any]:
    organisation = get_organisation()
    return {
        "id": ids.subscription(),
        "subscriptionId": ids.subscription_id(),
        "tenantId": str(organisation.tenant_id),
        "displayName": organisation.name,
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {"locationPlacementId": "", "quotaId": "", "spendingLimit": "Off"},
    }


def _group(world: SecurityWorld) -> dict[str, Any]:
    return {
        "id": ids.group(world),
        "name": world.name,
        "type": ids.GROUP_TYPE,
        "location": world.region,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    }


def _find_provider(namespace: str) -> str:
    for name in _PROVIDERS:
        if name.lower() == namespace.lower():
            return name
    raise Unsupported(
        f"There is no resource provider '{namespace[:80]}' here, only {', '.join(_PROVIDERS)}. Tell your tool not to "
        'register others (Terraform: resource_provider_registrations = "none").'
    )


def _provider(name: str) -> dict[str, Any]:
    regions = sorted({world.region for world in list_worlds()})
    return {
        "id": f"{ids.subscription()}/providers/{name}",
        "namespace": name,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationFree",
        "resourceTypes": [
            {"resourceType": kind, "locations": regions, "apiVersions": _VERSIONS} for kind in _PROVIDERS[name]
        ],
    }
