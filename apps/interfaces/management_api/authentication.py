"""Authentication of people: the console's session, a command line's token, or in the demo a password."""

import base64
import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from apps.audit_log.operation_names import Operation
from apps.core import throttle
from apps.core.clock import now
from apps.core.principals import Principal, Scheme
from apps.core.request_facts import request_context
from apps.core.ttl_cache import TtlCache
from apps.domain.access.denial_records import record_anonymous_denial
from apps.domain.access.grants import Scope
from apps.domain.identity import device_sign_in, queries
from apps.domain.identity.models import User
from apps.domain.identity.portal_sessions import cookie_of
from apps.domain.identity.reauthentication import recently_reauthenticated


class SignedIn:
    """The user of Django REST Framework: a principal that has signed in."""

    is_authenticated = True

    def __init__(
        self,
        principal: Principal,
        *,
        credential: Callable[[], tuple[Scheme, str]] = lambda: (Scheme.NONE, ""),
        reauthenticated: bool = True,
    ) -> None:
        self.principal = principal
        self.credential = credential  # for the HSM worker
        self.reauthenticated = reauthenticated  # recently enough for dangerous operations
        self.pk = principal.id


class PortalSession(SessionAuthentication):
    """A person with a session of the portal, with the second factor. Writing needs the CSRF token, as forms do."""

    def authenticate(self, request: Request) -> tuple[SignedIn, None] | None:
        user = getattr(request._request, "user", None)  # noqa: SLF001  the frameworks' own way
        if not isinstance(user, User) or not user.is_active:
            return None
        self.enforce_csrf(request)
        reauthenticated = recently_reauthenticated(request._request)  # noqa: SLF001  the frameworks' own way
        session = cookie_of(request._request.session)  # noqa: SLF001  the frameworks' own way

        def credential() -> tuple[Scheme, str]:
            return Scheme.SESSION, session

        principal = queries.principal_of_person(user)
        return SignedIn(principal, credential=credential, reauthenticated=reauthenticated), None


class BearerToken(BaseAuthentication):
    """The token that a person's command line got after they confirmed it in the browser (RFC 6750)."""

    def authenticate(self, request: Request) -> tuple[SignedIn, None] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        moment = now()
        token_row = device_sign_in.authenticate_token(token=token.strip(), now=moment)
        if token_row is None:
            context = request_context(request.META)
            record_anonymous_denial(
                Scope(), context, operation=Operation.SIGN_IN, status=401, reason="unknown or ended token"
            )
            raise AuthenticationFailed("The token is unknown, was ended, or has expired.")
        reauthenticated = moment - token_row.proven < timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)

        def credential() -> tuple[Scheme, str]:
            return Scheme.MANAGEMENT, token.strip()

        principal = queries.principal_of_person(token_row.person)
        return SignedIn(principal, credential=credential, reauthenticated=reauthenticated), None


class PersonAuthentication(BaseAuthentication):
    """HTTP Basic (RFC 7617), for the demo and tests: a password alone is no sign-in elsewhere (MANAGEMENT_BASIC).

    An unknown name takes as long as a wrong password, also when it is asked again.
    """

    def authenticate(self, request: Request) -> tuple[SignedIn, None] | None:
        header = request.headers.get("Authorization", "")
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic" or not settings.MANAGEMENT_BASIC:
            return None
        try:
            username, _, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        except ValueError:
            raise AuthenticationFailed("The Authorization header cannot be read.") from None
        principal = self._sign_in(request, username, password)

        def credential() -> tuple[Scheme, str]:
            context = request_context(request.META)
            token = device_sign_in.issue_for_password(person_id=principal.id, request=context, now=now())
            return Scheme.MANAGEMENT, token

        return SignedIn(principal, credential=credential), None

    def authenticate_header(self, request: Any) -> str:
        return 'Basic realm="Vault Portal"'

    @staticmethod
    def _sign_in(request: Request, username: str, password: str) -> Principal:
        context = request_context(request.META)
        source = (username, context.address)
        if throttle.is_throttled(source):
            raise Throttled(wait=throttle.WINDOW_SECONDS)
        user = User.objects.filter(username=username.replace("\0", ""), kind="person", is_active=True).first()
        good = _is_right(username, password, user.password if user else _nobody())
        if user is None or not good:
            throttle.count_failure(source)
            record_anonymous_denial(
                Scope(), context, operation=Operation.SIGN_IN, status=401, reason="wrong user name or password"
            )
            raise AuthenticationFailed("User name or password is wrong.")
        return queries.principal_of_person(user)


# A password's hash takes 0.4 s of a core; a program that sends it with every request pays that once a minute.
# What is remembered cannot grow old: a new password has another hash, which is part of the key. So is the name: all
# unknown names have one hash, and a second one would otherwise be faster than a known one.
_looked_at: TtlCache[bool] = TtlCache(maxsize=1000, ttl=60.0)
_memory_key = secrets.token_bytes(32)


def _is_right(username: str, password: str, encoded: str) -> bool:
    key = hmac.digest(_memory_key, repr((username, encoded, password)).encode(), "sha256")
    return _looked_at.get(key, lambda: check_password(password, encoded))


@cache
def _nobody() -> str:
    """A hash that no password has, of the cost that all have."""
    return make_password(secrets.token_urlsafe(16))


class _Scheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped base
    """The description of an authentication in the OpenAPI document."""

    definition: ClassVar[dict[str, str]]

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return self.definition


class PersonScheme(_Scheme):  # type: ignore[no-untyped-call]
    target_class = PersonAuthentication
    name = "person"
    definition: ClassVar = {"type": "http", "scheme": "basic"}


class BearerScheme(_Scheme):  # type: ignore[no-untyped-call]
    target_class = BearerToken
    name = "commandLine"
    definition: ClassVar = {"type": "http", "scheme": "bearer"}


class SessionScheme(_Scheme):  # type: ignore[no-untyped-call]
    target_class = PortalSession
    name = "session"
    definition: ClassVar = {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
