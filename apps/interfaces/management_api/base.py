"""Resources of the management API: each action declares its operation and permission, and makes one domain call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.audit_log.operation_names import Operation
from apps.core.errors import Forbidden
from apps.core.request_facts import request_context
from apps.domain.access.grants import Grant, NotAuthorised, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.visibility import is_limited
from apps.domain.catalog.visibility import authorize_person, check_vault
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import check_serving
from apps.interfaces.management_api.authentication import SignedIn

NO_STORE = {"Cache-Control": "no-store"}  # for answers with a secret
_METHODS = ("get", "post", "put", "patch", "delete")

_SerializerClass = type[serializers.BaseSerializer[Any]]


class ReauthRequired(Forbidden):
    """The last authentication is too old for this operation."""

    code = "ProofNeeded"


class SwitchSerializer(serializers.Serializer[Any]):
    """Enabling or disabling."""

    enabled = serializers.BooleanField()


@dataclass(frozen=True, slots=True)
class Declaration:
    """The declaration of an action. `operation` is its name in records of denials.

    `uses_objects`: it uses or binds a key, or opens or seals a value: the HSM worker needs the person's credential.
    """

    operation: Operation
    permission: Permission
    takes: _SerializerClass | None
    reauth: bool
    uses_objects: bool


def endpoint(
    operation: Operation,
    permission: Permission,
    *,
    takes: _SerializerClass | None = None,
    returns: _SerializerClass | None = None,
    lists: _SerializerClass | None = None,
    creates: _SerializerClass | None = None,
    status: int = 0,
    reauth: bool = False,
    uses_objects: bool = False,
    headers: Mapping[str, str] | None = None,
    **schema: Any,
) -> Callable[[Callable[[Any], Any]], Callable[..., HttpResponseBase]]:
    """Make an action of a resource from a method that returns what the domain does. It is called with a grant.

    `takes` reads `data`: the body, for GET the query. `returns`, `lists` (many) or `creates` (with status 201) renders
    the result; without these the answer is empty, unless the method makes a response of its own. `reauth`: requires a
    recent re-authentication. `uses_objects`: see `Declaration`. `headers`: of the answer. `schema`: further properties
    in the OpenAPI document.
    """
    rendered, many = returns or lists or creates, lists is not None
    status = status or (201 if creates else 200 if rendered else 204)

    def declare(method: Callable[[Any], Any]) -> Callable[..., HttpResponseBase]:
        @wraps(method)
        def respond(self: "Resource", _request: Request, **_names: Any) -> HttpResponseBase:
            self.grant = self.authorize(self.scope())
            result = method(self)
            if isinstance(result, HttpResponseBase):
                return result
            return Response(rendered(result, many=many).data if rendered else None, status=status, headers=headers)

        document = {"request": takes, "responses": {status: rendered(many=many) if rendered else None}} | schema
        action: Any = extend_schema(**document)(respond)
        action.declaration = Declaration(operation, permission, takes, reauth, uses_objects)
        return action  # type: ignore[no-any-return]  # drf-spectacular has no types

    return declare


class Resource(ViewSet):
    """Actions on one kind of things. Only an action with a declaration gets an address, so no permission is forgotten.

    The actions at one address share the operation that denials record.
    """

    grant: Grant
    vault: Vault  # if the address names one

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Make the view of one address from `actions`: a method of HTTP to the name of an action."""
        names = [*actions.values(), *(method for method in _METHODS if hasattr(cls, method))]
        if undeclared := [name for name in names if not hasattr(getattr(cls, name), "declaration")]:
            raise ImproperlyConfigured(f"{cls.__name__} has actions without a declaration: {', '.join(undeclared)}")
        return super().as_view(actions, **initkwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check first that the caller may know of the vault in the address."""
        super().initial(request, *args, **kwargs)
        match = request.resolver_match
        if isinstance(request.user, SignedIn) and match is not None and "vaults/<str:name>" in match.route:
            principal, context = request.user.principal, request_context(request.META)
            self.vault = check_vault(principal, context, name=kwargs["name"], operation=self.declaration.operation)
            if is_limited(principal) and request.method not in SAFE_METHODS:
                check_serving(self.vault)

    @property
    def declaration(self) -> Declaration:
        """The declaration of the action; for a method that the address does not have, that of another one there."""
        names = list(self.action_map.values())
        declared: Declaration = getattr(self, self.action if self.action in names else names[0]).declaration
        return declared

    def scope(self) -> Scope:
        """Where the permission is needed: in the organisation. Raises for what the address names and is not there."""
        return Scope()

    def permission(self) -> Permission:
        """The permission that the action needs."""
        return self.declaration.permission

    def authorize(self, scope: Scope) -> Grant:
        """The grant for the action at this scope. Raises `NotAuthorised`, `ReauthRequired`."""
        user, permission = self.request.user, self.permission()
        if not isinstance(user, SignedIn):
            raise NotAuthorised("Sign in first.")
        if self.declaration.reauth and not user.reauthenticated:
            raise ReauthRequired(
                "Confirm your identity at /account/reauthenticate/ in the portal, then repeat this request."
            )
        context, operation = request_context(self.request.META), self.declaration.operation
        grant = authorize_person(user.principal, permission, scope, context, operation=operation)
        if not self.declaration.uses_objects:
            return grant
        scheme, credential = user.credential()  # only now: the sign-in of a demo gets one that is stored
        context = replace(context, scheme=scheme, credential=credential)
        return authorize_person(user.principal, permission, scope, context, operation=operation)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The valid body, or for GET the valid query. Raises `ValidationError`."""
        request, takes = self.request, self.declaration.takes
        assert takes is not None  # noqa: S101  the action reads what it does not declare
        serializer = takes(data=request.query_params if request.method in SAFE_METHODS else request.data)
        serializer.is_valid(raise_exception=True)
        data: dict[str, Any] = serializer.validated_data
        return data


class VaultResource(Resource):
    """What is in one vault, whose name is in the address."""

    def scope(self) -> Scope:
        return Scope.of(self.vault)
