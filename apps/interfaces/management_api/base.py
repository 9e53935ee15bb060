"""One view of the management API: a permission declared, a grant demanded, one domain call."""

from dataclasses import replace
from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.audit_log.operation_names import Operation
from apps.core.errors import Forbidden
from apps.core.principals import Principal
from apps.core.request_facts import request_context
from apps.domain.access.grants import Grant, NotAuthorised, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.visibility import is_limited
from apps.domain.catalog.visibility import authorize_person, check_vault
from apps.domain.vaults.queries import check_serving
from apps.interfaces.management_api.authentication import SignedIn


class ReauthRequired(Forbidden):
    """The last authentication is too old for this operation."""

    code = "ProofNeeded"


class SwitchSerializer(serializers.Serializer[Any]):
    """Enabling or disabling."""

    enabled = serializers.BooleanField()


def read(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The valid data of a request: of its query for GET, else of its body. Raises `ValidationError`."""
    checked = serializer(data=request.query_params if request.method in SAFE_METHODS else request.data)
    checked.is_valid(raise_exception=True)
    data: dict[str, Any] = checked.validated_data
    return data


class ManagementView(APIView):
    """A view. It must declare its `operation` and a permission for each method."""

    permissions: ClassVar[dict[str, Permission]] = {}
    require_reauth: ClassVar[frozenset[str]] = frozenset()  # methods that require a recent re-authentication
    operation: ClassVar[Operation]  # its name in records of denials
    uses_objects: ClassVar[bool] = False  # it uses a key or opens a secret: the HSM worker sees the person's credential

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods = {name for name in ("get", "post", "put", "patch", "delete") if hasattr(cls, name)}
        if methods != set(cls.permissions) or (methods and not hasattr(cls, "operation")):
            raise ImproperlyConfigured(f"{cls.__name__} must declare `operation` and a permission for each method")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check first that the caller may know of the vault in the address."""
        super().initial(request, *args, **kwargs)
        match = request.resolver_match
        if isinstance(request.user, SignedIn) and match is not None and "vaults/<str:name>" in match.route:
            self._check_visibility(request.user.principal, request, kwargs["name"])

    def _check_visibility(self, principal: Principal, request: Request, name: str) -> None:
        vault = check_vault(principal, request_context(request.META), name=name, operation=self.operation)
        if is_limited(principal) and request.method not in SAFE_METHODS:
            check_serving(vault)

    def grant(self, request: Request, scope: Scope | None = None, permission: Permission | None = None) -> Grant:
        """The grant for this request's method, or for the permission that its path names. Raises `NotAuthorised`."""
        method = "get" if request.method == "HEAD" else str(request.method).lower()
        user, permission = request.user, permission or self.permissions[method]
        if not isinstance(user, SignedIn):
            raise NotAuthorised("Sign in first.")
        if method in self.require_reauth and not user.reauthenticated:
            raise ReauthRequired(
                "Confirm your identity at /account/reauthenticate/ in the portal, then repeat this request."
            )
        context = request_context(request.META)
        if self.uses_objects:
            scheme, credential = user.credential()
            context = replace(context, scheme=scheme, credential=credential)
        return authorize_person(user.principal, permission, scope or Scope(), context, operation=self.operation)
