"""Endpoints of the token service, as MSAL and azure-identity call them.

Source: docs/reference/wire-contract.md section 2.3.
"""

import base64
import logging
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from apps.audit_log.operation_names import Operation
from apps.core import throttle
from apps.core.errors import Unavailable
from apps.core.principals import RequestContext
from apps.core.request_facts import request_context
from apps.domain.access.denial_records import record_anonymous_denial
from apps.domain.access.grants import Scope
from apps.domain.identity import client_assertions, queries, tokens
from apps.domain.identity.rules import TOKEN_SECONDS

logger = logging.getLogger(__name__)
View = Callable[[HttpRequest, str], JsonResponse]

_LARGEST_BODY = 64 * 1024


def _unless_unavailable(view: View) -> View:
    """The view, or 503 while the database, or the HSM that signs, is not available."""

    @wraps(view)
    def respond(request: HttpRequest, tenant: str) -> JsonResponse:
        try:
            return view(request, tenant)
        except Unavailable as error:
            return _unavailable(error.message, error.retry_after)
        except DatabaseError:
            logger.exception("The database is not available")
            return _unavailable("The database is not available. Try again shortly.", Unavailable.retry_after)

    return respond


@require_GET
@_unless_unavailable
def discovery(_request: HttpRequest, tenant: str) -> JsonResponse:
    """Serve the discovery document (OpenID Connect Discovery 1.0 section 4)."""
    addresses, tenant_id = queries.addresses(), queries.get_organisation().tenant_id
    if not _is_ours(tenant):
        return _failure(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant[:80]}' not found.")
    base = f"{addresses.authority}/{tenant_id}"
    return _answer(
        200,
        {
            "issuer": addresses.issuer(tenant_id),
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_types_supported": ["token"],
            "grant_types_supported": ["client_credentials"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
        },
    )


@require_GET
@_unless_unavailable
def keys(_request: HttpRequest, tenant: str) -> JsonResponse:
    """Serve the public halves of the signing keys (RFC 7517)."""
    if not _is_ours(tenant):
        return _failure(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant[:80]}' not found.")
    return _answer(200, tokens.jwks())


@require_POST
@_unless_unavailable
def token(request: HttpRequest, tenant: str) -> JsonResponse:
    """Issue an access token for client credentials (RFC 6749 section 4.4)."""
    context = request_context(request.META)
    if len(request.body) > _LARGEST_BODY:
        return _failure(413, "invalid_request", "The request is too large.")
    if not _is_ours(tenant):
        return _deny(context, 400, "invalid_request", f"AADSTS90002: Tenant '{tenant[:80]}' not found.")
    if request.POST.get("grant_type") != "client_credentials":
        return _deny(context, 400, "unsupported_grant_type", "AADSTS70003: Only client_credentials is supported.")
    resource = queries.addresses().resource
    # libmongocrypt leaves the port out (docs/reference/wire-contract.md section 17); the token's audience is the same.
    accepted = {f"{resource}/.default", f"{resource.rpartition(':')[0]}/.default"}
    if accepted.isdisjoint(request.POST.get("scope", "").split()):
        return _deny(context, 400, "invalid_scope", f"AADSTS70011: The scope must be {resource}/.default.")
    return _issue(request, context)


def _issue(request: HttpRequest, context: RequestContext) -> JsonResponse:
    client, secret = _credentials(request)
    assertion = request.POST.get("client_assertion", "")
    if assertion and request.POST.get("client_assertion_type") != client_assertions.ASSERTION_TYPE:
        return _deny(context, 400, "invalid_request", "AADSTS900144: The client_assertion_type is not supported.")
    if assertion and secret:
        return _deny(context, 400, "invalid_request", "AADSTS900144: Send a secret or an assertion, not both.")
    issuer_keys = client_assertions.fetch_issuer_keys(client_id=client, assertion=assertion) if assertion else {}
    access_token = tokens.request_token(
        context=context, client_id=client, secret=secret, assertion=assertion, issuer_keys=issuer_keys
    )
    if not access_token:
        return _deny_client(context, client, asserted=bool(assertion))
    body = {"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS}
    return _answer(200, {**body, "access_token": access_token})


def _deny_client(context: RequestContext, client: uuid.UUID, *, asserted: bool) -> JsonResponse:
    """Answer 401, after many failures 429. A correct secret always works, so that nobody can lock a client out."""
    source = (client, context.address)
    throttle.count_failure(source)
    if throttle.is_throttled(source):
        text = "AADSTS90056: Too many failed attempts. Wait a minute."
        return _deny(context, 429, "temporarily_unavailable", text, claimed=client, wait=throttle.WINDOW_SECONDS)
    text = "AADSTS7000215: Invalid client or client secret."
    if asserted:
        text = "AADSTS700027: The client assertion is not accepted."
    return _deny(context, 401, "invalid_client", text, claimed=client)


def _credentials(request: HttpRequest) -> tuple[uuid.UUID, str]:
    """Read form or HTTP Basic credentials (RFC 6749 section 2.3.1). An unreadable client id becomes zero."""
    client, secret = request.POST.get("client_id", ""), request.POST.get("client_secret", "")
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and not secret:
        try:
            client, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        except ValueError:
            client, secret = "", ""
    try:
        return uuid.UUID(client), secret
    except ValueError:
        return uuid.UUID(int=0), secret


def _is_ours(tenant: str) -> bool:
    return tenant.lower() == str(queries.get_organisation().tenant_id)


def _deny(
    context: RequestContext,
    status: int,
    error: str,
    description: str,
    *,
    claimed: uuid.UUID | None = None,
    wait: int = 0,
) -> JsonResponse:
    """Record and answer a denial. The message has the request id, as Entra's: SDKs show nothing else of the answer."""
    code, number = description.partition(":")[0], str(context.request_id)
    record_anonymous_denial(
        Scope(), context, operation=Operation.AUTHENTICATION, status=status, reason=code, claimed=claimed, wait=wait
    )
    answer = _failure(status, error, f"{description} Trace ID: {number}", trace_id=number)
    answer["x-ms-request-id"] = number
    if wait:
        answer["Retry-After"] = str(wait)
    return answer


def _unavailable(message: str, retry_after: int) -> JsonResponse:
    answer = _failure(503, "temporarily_unavailable", message)
    answer["Retry-After"] = str(retry_after)
    return answer


def _failure(status: int, error: str, description: str, **more: str) -> JsonResponse:
    """Make an error response (RFC 6749 section 5.2)."""
    return _answer(status, {"error": error, "error_description": description, **more})


def _answer(status: int, body: dict[str, Any]) -> JsonResponse:
    answer = JsonResponse(body, status=status)
    answer["Cache-Control"] = "no-store"
    answer["Pragma"] = "no-cache"
    return answer
