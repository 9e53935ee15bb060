"""Who calls the management API: people, with user name and password over TLS (sessions come with the portals)."""

import base64
import secrets
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from apps.access.denials import record_anonymous
from apps.access.grants import Scope
from apps.core import throttle
from apps.core.principals import Principal
from apps.core.requests import context_of
from apps.identity import queries
from apps.identity.models import User


class SignedIn:
    """What Django REST Framework calls a user: our principal, signed in."""

    is_authenticated = True

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.pk = principal.id


class PersonAuthentication(BaseAuthentication):
    """HTTP Basic (RFC 7617) for people. An unknown name takes as long as a wrong password."""

    def authenticate(self, request: Request) -> tuple[SignedIn, None] | None:
        header = request.headers.get("Authorization", "")
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            username, _, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        except ValueError:
            raise AuthenticationFailed("The Authorization header cannot be read.") from None
        return SignedIn(self._sign_in(request, username, password)), None

    def authenticate_header(self, request: Any) -> str:
        del request
        return 'Basic realm="Vault Portal"'

    @staticmethod
    def _sign_in(request: Request, username: str, password: str) -> Principal:
        context = context_of(request.META)
        source = (username, context.address)
        if throttle.is_throttled(source):
            raise Throttled(wait=throttle.WINDOW_SECONDS)
        user = User.objects.filter(username=username.replace("\0", ""), kind="person", is_active=True).first()
        good = check_password(password, user.password if user else _nobody())
        if user is None or not good:
            throttle.count_failure(source)
            record_anonymous(Scope(), context, operation="SignIn", status=401, reason="wrong user name or password")
            raise AuthenticationFailed("User name or password is wrong.")
        return queries.person(user)


_nobodies: list[str] = []


def _nobody() -> str:
    """A hash that no password has, of the cost that all have."""
    if not _nobodies:
        _nobodies.append(make_password(secrets.token_urlsafe(16)))
    return _nobodies[0]


class PersonScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped base
    """How the OpenAPI document describes it."""

    target_class = PersonAuthentication
    name = "person"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        del auto_schema
        return {"type": "http", "scheme": "basic"}
