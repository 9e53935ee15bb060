"""Sign-in to the resource management API: an application's token for this audience, or a person's management token."""

from collections.abc import Callable

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.audit_log.operation_names import Operation
from apps.core.principals import Audience, Scheme
from apps.core.request_facts import request_context
from apps.domain.access.denial_records import record_anonymous_denial
from apps.domain.access.grants import Scope
from apps.domain.identity import tokens
from apps.domain.identity.queries import addresses, get_organisation
from apps.interfaces.management_api.authentication import BearerToken, SignedIn


class ApplicationToken(BaseAuthentication):
    """The access token of an application (RFC 6750), for the audience of this API. It is at most an hour old."""

    def authenticate(self, request: Request) -> tuple[SignedIn, None] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or token.count(".") != 2:  # a person's token is no JWS (RFC 7515 section 3.1)
            return None
        try:
            principal = tokens.authenticate(token.strip(), audience=Audience.MANAGEMENT)
        except tokens.TokenRejected as error:
            reason = error.message.partition(":")[0]
            context = request_context(request.META)
            operation = Operation.AUTHENTICATION
            record_anonymous_denial(
                Scope(), context, operation=operation, status=401, reason=reason, claimed=error.client_id
            )
            raise
        credential: Callable[[], tuple[Scheme, str]] = lambda: (Scheme.NONE, "")  # noqa: E731  nothing here uses a key
        return SignedIn(principal, credential=credential), None

    def authenticate_header(self, request: Request) -> str:
        del request
        return challenge()


class PersonToken(BearerToken):
    """The token of a person's command line."""

    def authenticate_header(self, request: Request) -> str:
        del request
        return challenge()


def challenge() -> str:
    """Build the `WWW-Authenticate` header of a 401, as Azure Resource Manager sends it."""
    service, tenant = addresses(), get_organisation().tenant_id
    return (
        f'Bearer authorization_uri="{service.authority}/{tenant}", error="invalid_token", '
        'error_description="The access token is missing or invalid."'
    )
