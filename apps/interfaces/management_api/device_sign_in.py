"""Signing in a person's command line: the device flow (RFC 8628), and the tokens that come of it."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.errors import VaultError
from apps.core.request_facts import request_context
from apps.domain.access.denial_records import record_anonymous_denial
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.identity import device_sign_in
from apps.domain.identity.queries import addresses
from apps.interfaces.management_api.base import Resource, endpoint

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_LARGEST_BODY = 4096
# RFC 8628 section 3.5.
_ERRORS: dict[type[VaultError], str] = {
    device_sign_in.DevicePending: "authorization_pending",
    device_sign_in.SlowDown: "slow_down",
    device_sign_in.DeviceDenied: "access_denied",
    device_sign_in.DeviceRequestGone: "expired_token",
}


@csrf_exempt  # no cookie is read: the caller has not signed in yet
@require_POST
def start_device_sign_in(request: HttpRequest) -> JsonResponse:
    """A command line asks for a code to show (RFC 8628 section 3.1)."""
    context = request_context(request.META)
    if not _is_form(request):
        return _failure(400, "invalid_request", "Send a form.")
    started = device_sign_in.start_sign_in(label=request.POST.get("label", ""), request=context, now=now())
    where = f"https://portal.{addresses().authority_part}/device"
    return _answer(
        200,
        {
            "device_code": started.device_code,
            "user_code": started.user_code,
            "verification_uri": where,
            "verification_uri_complete": f"{where}?code={started.user_code}",
            "expires_in": int(device_sign_in.LIFETIME.total_seconds()),
            "interval": int(device_sign_in.INTERVAL.total_seconds()),
        },
    )


@csrf_exempt
@require_POST
def issue_device_token(request: HttpRequest) -> JsonResponse:
    """Answer with the token once the person has confirmed (RFC 8628 section 3.4)."""
    context = request_context(request.META)
    if not _is_form(request):
        return _failure(400, "invalid_request", "Send a form.")
    if request.POST.get("grant_type") != GRANT_TYPE:
        return _failure(400, "unsupported_grant_type", f"The grant type is {GRANT_TYPE}.")
    try:
        issued = device_sign_in.redeem(device_code=request.POST.get("device_code", ""), request=context, now=now())
    except tuple(_ERRORS) as error:
        if isinstance(error, device_sign_in.DeviceRequestGone):
            record_anonymous_denial(
                Scope(), context, operation=Operation.SIGN_IN, status=400, reason="unknown device code"
            )
        return _failure(400, _ERRORS[type(error)], str(error))
    row = issued.row
    return _answer(
        200,
        {
            "token_type": "Bearer",
            "access_token": issued.token,
            "expires_in": int(device_sign_in.TOKEN_LIFETIME.total_seconds()),
            "token_id": str(row.pk),
            "name": row.person.username,
            "duty": row.person.duty,
            "audit": addresses().auditors,
        },
    )


class CommandLineTokenSerializer(serializers.Serializer[Any]):
    """A command line that is signed in."""

    id = serializers.UUIDField(read_only=True)
    program = serializers.CharField(read_only=True, source="label", help_text="the name that the program gave itself")
    address = serializers.CharField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    expires = serializers.DateTimeField(read_only=True)
    used = serializers.DateTimeField(read_only=True)


class Tokens(Resource):
    """The caller's command lines that are signed in."""

    @endpoint(Operation.MANAGEMENT_TOKEN_LIST, Permission.SESSIONS_OPEN, lists=CommandLineTokenSerializer)
    def list(self) -> Any:
        """List one's own command lines that are signed in."""
        return device_sign_in.list_tokens(person_id=self.grant.principal.id, now=now())

    @endpoint(Operation.MANAGEMENT_TOKEN_END, Permission.SESSIONS_OPEN)
    def destroy(self) -> None:
        """Sign out a command line of one's own, at once."""
        device_sign_in.end_token(grant=self.grant, token_id=self.kwargs["token_id"], now=now())


def _is_form(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return request.content_type == "application/x-www-form-urlencoded" and int(length) <= _LARGEST_BODY


def _failure(status: int, error: str, description: str) -> JsonResponse:
    """RFC 6749 section 5.2."""
    return _answer(status, {"error": error, "error_description": description})


def _answer(status: int, body: dict[str, Any]) -> JsonResponse:
    return JsonResponse(body, status=status, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
