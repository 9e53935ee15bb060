"""Endpoints of the token service, as MSAL and azure-identity call them.

Source: docs/reference/wire-contract.md sections 2.3 and 2.4.
"""

import base64
import logging
import time
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse

from apps.audit_log.operation_names import Operation
from apps.core import clock, throttle
from apps.core.errors import Unavailable
from apps.core.principals import Audience, RequestContext
from apps.core.request_facts import request_context
from apps.domain.access.denial_records import record_anonymous_denial
from apps.domain.access.grants import Scope
from apps.domain.identity import client_assertions, queries, tokens
from apps.domain.identity.assertion_diagnosis import diagnose
from apps.domain.identity.rules import TOKEN_SECONDS

logger = logging.getLogger(__name__)
View = Callable[..., JsonResponse]

_LARGEST_BODY = 64 * 1024
_ADFS = "adfs"  # the tenant of clients configured for AD FS, which therefore do not ask Microsoft (section 2.4)
_TRUSTED_REALM = "http://schemas.microsoft.com/rel/trusted-realm"


def _endpoint(method: str) -> Callable[[View], View]:
    """An endpoint of one method: 405 for others, 503 while the database, or the HSM that signs, is not available."""

    def decorate(view: View) -> View:
        @wraps(view)
        def respond(request: HttpRequest, *arguments: str, **named: str) -> JsonResponse:
            if request.method != method:
                answer = _failure(405, "invalid_request", f"Use {method} at this address.")
                answer["Allow"] = method
                return answer
            try:
                return view(request, *arguments, **named)
            except Unavailable as error:
                return _unavailable(error.message, error.retry_after)
            except DatabaseError:
                logger.exception("The database is not available")
                return _unavailable("The database is not available. Try again shortly.", Unavailable.retry_after)

        return respond

    return decorate


@_endpoint("GET")
def discovery(_request: HttpRequest, tenant: str) -> JsonResponse:
    """Serve the discovery document (OpenID Connect Discovery 1.0 section 4)."""
    return _discovery(tenant, queries.addresses().authority)


@_endpoint("GET")
def regional_discovery(_request: HttpRequest, tenant: str) -> JsonResponse:
    """Serve the discovery document to MSAL for Go with a region, which wants an issuer at the suffix itself."""
    return _discovery(tenant, queries.addresses().resource)


def _discovery(tenant: str, issuing_host: str) -> JsonResponse:
    addresses, tenant_id = queries.addresses(), queries.get_organisation().tenant_id
    if not _is_ours(tenant):
        return _unknown_tenant(tenant)
    base = f"{addresses.authority}/{tenant_id}"
    return _answer(
        200,
        {
            "issuer": f"{issuing_host}/{tenant_id}/v2.0",
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


@_endpoint("GET")
def keys(_request: HttpRequest, tenant: str) -> JsonResponse:
    """Serve the public halves of the signing keys (RFC 7517)."""
    if not _is_ours(tenant):
        return _unknown_tenant(tenant)
    return _answer(200, tokens.jwks())


@_endpoint("GET")
def instance(request: HttpRequest) -> JsonResponse:
    """Tell that an authority is known, to clients that ask this service instead of Microsoft's."""
    addresses, tenant_id = queries.addresses(), queries.get_organisation().tenant_id
    asked = request.GET.get("authorization_endpoint", addresses.authority)
    if not _is_at(asked, addresses.authority):
        return _failure(400, "invalid_instance", "AADSTS50049: Unknown or invalid instance.")
    document = f"{addresses.authority}/{tenant_id}/v2.0/.well-known/openid-configuration"
    return _answer(200, {"tenant_discovery_endpoint": document, "api-version": "1.1", "metadata": []})


@_endpoint("GET")
def webfinger(request: HttpRequest) -> JsonResponse:
    """Tell MSAL.NET that the authority is one of its own realm (RFC 7033)."""
    resource = request.GET.get("resource", "")
    if not _is_at(resource, queries.addresses().authority):
        return _failure(404, "not_found", "The resource is not the address of this service.")
    wanted = request.GET.getlist("rel") or [_TRUSTED_REALM]
    links = [{"rel": _TRUSTED_REALM, "href": resource}] if _TRUSTED_REALM in wanted else []
    return _answer(200, {"subject": resource, "links": links})


@_endpoint("POST")
def token(request: HttpRequest, tenant: str) -> JsonResponse:
    """Issue an access token for client credentials (RFC 6749 section 4.4)."""
    return _token(request, tenant, resource="")


@_endpoint("POST")
def token_of_resource(request: HttpRequest, tenant: str) -> JsonResponse:
    """Issue an access token to ADAL and others that name a resource instead of a scope, and to clients of an AD FS."""
    return _token(request, tenant, resource=request.POST.get("resource", ""))


def _token(request: HttpRequest, tenant: str, *, resource: str) -> JsonResponse:
    context = request_context(request.META)
    if len(request.body) > _LARGEST_BODY:
        return _failure(413, "invalid_request", "The request is too large.")
    if not _is_ours(tenant):
        return _deny(context, 400, "invalid_request", f"AADSTS90002: Tenant '{tenant[:80]}' not found.")
    if request.POST.get("grant_type") != "client_credentials":
        return _deny(context, 400, "unsupported_grant_type", "AADSTS70003: Only client_credentials is supported.")
    addresses = queries.addresses()
    if resource:
        audience = addresses.find_audience(resource)
    else:
        scopes = map(addresses.find_audience_of_scope, request.POST.get("scope", "").split())
        audience = next((one for one in scopes if one is not None), None)
    if audience is None and resource:
        return _deny(context, 400, "invalid_resource", f"AADSTS500011: The resource must be {addresses.resource}.")
    if audience is None:
        return _deny(context, 400, "invalid_scope", f"AADSTS70011: The scope must be {addresses.resource}/.default.")
    return _issue(request, context, resource, audience)


def _issue(request: HttpRequest, context: RequestContext, resource: str, audience: Audience) -> JsonResponse:
    client, secret = _credentials(request)
    assertion = request.POST.get("client_assertion", "")
    if assertion and request.POST.get("client_assertion_type") != client_assertions.ASSERTION_TYPE:
        return _deny(context, 400, "invalid_request", "AADSTS900144: The client_assertion_type is not supported.")
    if assertion and secret:
        return _deny(context, 400, "invalid_request", "AADSTS900144: Send a secret or an assertion, not both.")
    issuer_keys = client_assertions.fetch_issuer_keys(client_id=client, assertion=assertion) if assertion else {}
    access_token = tokens.request_token(
        context=context,
        client_id=client,
        secret=secret,
        assertion=assertion,
        issuer_keys=issuer_keys,
        audience=audience,
    )
    if not access_token:
        if not assertion:
            return _deny_client(context, client, "AADSTS7000215: Invalid client or client secret.")
        denial = diagnose(client_id=client, assertion=assertion, issuer_keys=issuer_keys, now=clock.now())
        return _deny_client(context, client, str(denial))
    body = {"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS}
    return _answer(200, {**body, **(_times(resource) if resource else {}), "access_token": access_token})


def _times(resource: str) -> dict[str, str]:
    """The members that ADAL and autorest read (wire-contract.md section 2.4): numbers as text, and when it ends."""
    now, seconds = int(time.time()), str(TOKEN_SECONDS)
    return {
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "expires_on": str(now + TOKEN_SECONDS),
        "not_before": str(now),
        "resource": resource,
    }


def _deny_client(context: RequestContext, client: uuid.UUID, description: str) -> JsonResponse:
    """Answer 401, after many failures 429. A correct secret always works, so that nobody can lock a client out."""
    source = (client, context.address)
    throttle.count_failure(source)
    if throttle.is_throttled(source):
        text = "AADSTS90056: Too many failed attempts. Wait a minute."
        return _deny(context, 429, "temporarily_unavailable", text, claimed=client, wait=throttle.WINDOW_SECONDS)
    return _deny(context, 401, "invalid_client", description, claimed=client)


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
    return tenant.lower() in (_ADFS, str(queries.get_organisation().tenant_id))


def _is_at(url: str, authority: str) -> bool:
    """Tell whether an address is at the authority's host, whatever the case and the port that clients leave out."""
    try:
        asked, port = urlsplit(url.lower()), urlsplit(url).port
    except ValueError:
        return False
    ours = urlsplit(authority.lower())
    return asked.scheme == "https" and asked.hostname == ours.hostname and port in (None, 443, ours.port)


def _unknown_tenant(tenant: str) -> JsonResponse:
    return _failure(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant[:80]}' not found.")


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer what the framework does not accept."""
    del request, exception
    return _failure(400, "invalid_request", "The request cannot be read.")


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer at unknown addresses in the shape of the others: programs show the answer to people."""
    del request, exception
    return _failure(404, "not_found", "The token service has nothing at this address.")


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer after a fault of ours, which the log describes."""
    del request
    return _failure(500, "server_error", "The request failed for a reason of the service's own.")


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
