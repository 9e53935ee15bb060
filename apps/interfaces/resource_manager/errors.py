"""Errors in the shape of Azure Resource Manager: `{"error": {"code", "message"}}` with its codes.

Source: Azure Resource Manager, "Common API response details", and what its clients compare.
"""

from typing import Any

import msgspec
from rest_framework.exceptions import APIException, NotAuthenticated, ParseError
from rest_framework.response import Response

from apps.core import errors
from apps.domain.access.grants import NotAuthorised
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.identity.tokens import TokenRejected
from apps.domain.vaults.deletion import VaultNotReady
from apps.domain.vaults.operations import VaultExists, VaultIsDeleted
from apps.domain.vaults.queries import VaultNotFound
from apps.interfaces.management_api.errors import handle as handle_as_management
from apps.interfaces.resource_manager.addresses import operation_status
from apps.interfaces.resource_manager.authentication import challenge


class GroupNotFound(errors.NotFound):
    """No resource group, which is a security world, has that name."""

    code = "ResourceGroupNotFound"


class SubscriptionNotFound(errors.NotFound):
    """Not the subscription of this installation."""

    code = "SubscriptionNotFound"


class Unsupported(errors.BadRequest):
    """What Azure offers and this service does not: refused, not ignored."""

    code = "NotSupported"


class BadContent(errors.BadRequest):
    """A body that is not what the operation takes."""

    code = "InvalidRequestContent"


# The most specific class first; the kinds last.
_CODES: tuple[tuple[type[errors.VaultError], str], ...] = (
    (NotAuthorised, "AuthorizationFailed"),
    (TokenRejected, "InvalidAuthenticationToken"),
    (VaultNotFound, "ResourceNotFound"),
    (VaultExists, "VaultAlreadyExists"),
    (VaultIsDeleted, "ConflictError"),
    (VaultNotReady, "BadRequest"),
    (errors.Throttled, "TooManyRequests"),
    (errors.Unavailable, "ServiceUnavailable"),
)


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """Django REST Framework's exception handler, for this API."""
    if isinstance(error, ApprovalRequired):
        return _waiting(error, context)
    if isinstance(error, errors.VaultError) and error.status != 500:
        code = next((code for kind, code in _CODES if isinstance(error, kind)), error.code)
        return _response(error.status, code, error.message, retry_after=getattr(error, "retry_after", None))
    if isinstance(error, msgspec.ValidationError | ParseError):
        reason = error.detail if isinstance(error, ParseError) else error
        return _response(400, BadContent.code, f"The request content was invalid: {reason}")
    if isinstance(error, APIException) and error.status_code == 401:
        missing = isinstance(error, NotAuthenticated)
        text = "Authentication failed. The 'Authorization' header is missing." if missing else str(error.detail)
        return _response(401, "AuthenticationFailed" if missing else "InvalidAuthenticationToken", text)
    return handle_as_management(error, context)


def _waiting(error: ApprovalRequired, context: dict[str, Any]) -> Response:
    """202: a second person has to approve the operation, and the caller repeats it then.

    A client that waits for the end of an operation reads its state, which tells that nothing was done; others show the
    error of this answer.
    """
    answer = _response(202, "ApprovalRequired", error.message)
    region = context["view"].region_of_operation()
    if error.request_id is not None:
        answer["Azure-AsyncOperation"] = answer["Location"] = operation_status(region, error.request_id)
        answer["Retry-After"] = "1"
    return answer


def _response(status: int, code: str, message: str, *, retry_after: object = None) -> Response:
    headers = {"WWW-Authenticate": challenge()} if status == 401 else {}
    if retry_after is not None and status in (429, 503):
        headers["Retry-After"] = str(retry_after)
    return Response({"error": {"code": code, "message": message}}, status=status, headers=headers)
