"""One view of the management API: a permission declared, a grant demanded, one domain call."""

from typing import Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.core.errors import Forbidden
from apps.core.principals import Principal
from apps.core.request_facts import request_context
from apps.domain.access.denial_records import record_denial
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.domain.access.permissions import Permission
from apps.domain.catalog import visibility
from apps.domain.vaults.queries import VaultNotFound, check_serving
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
    """Refuses, at import, a method without a permission."""

    permissions: ClassVar[dict[str, Permission]] = {}
    require_reauth: ClassVar[frozenset[str]] = frozenset()  # methods that require a recent re-authentication
    operation: ClassVar[str] = ""  # its name in records of denials

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods = {name for name in ("get", "post", "put", "patch", "delete") if hasattr(cls, name)}
        if methods != set(cls.permissions) or (methods and not cls.operation):
            raise ImproperlyConfigured(f"{cls.__name__} must declare `operation` and a permission for each method")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check first that the caller may know of the vault in the address."""
        super().initial(request, *args, **kwargs)
        match = request.resolver_match
        if isinstance(request.user, SignedIn) and match is not None and "vaults/<str:name>" in match.route:
            self._check_visibility(request.user.principal, request, kwargs["name"])

    def _check_visibility(self, principal: Principal, request: Request, name: str) -> None:
        try:
            vault = visibility.check_vault(principal, name=name)
        except VaultNotFound:
            scope, context = Scope(vault_name=name), request_context(request.META)
            record_denial(principal, scope, context, operation=self.operation, status=404, description="VaultNotFound")
            raise
        if visibility.is_limited(principal) and request.method not in SAFE_METHODS:
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
        context, scope = request_context(request.META), scope or Scope()
        try:
            return authorize(user.principal, permission, scope, context)
        except NotAuthorised:
            record_denial(user.principal, scope, context, operation=self.operation, status=403, permission=permission)
            refusal = NotAuthorised(f"Your role does not allow this ({permission}).")
            raise visibility.refused(user.principal, scope, refusal) from None
