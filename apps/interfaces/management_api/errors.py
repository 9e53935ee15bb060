"""Our errors and the framework's, in the one shape of the management API: {"error": {"code", "message"}}."""

import logging
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import Error as DatabaseError
from django.db import connection
from django.http import Http404, UnreadablePostError
from rest_framework.exceptions import APIException, Throttled
from rest_framework.response import Response

from apps.core import errors

logger = logging.getLogger(__name__)

# What Django itself raises before and around our code. The caller's fault, so never a 500.
_DJANGO: tuple[tuple[type[Exception], int, str, str], ...] = (
    (Http404, 404, "NotFound", "There is nothing at this address."),
    (PermissionDenied, 403, "PermissionDenied", "You may not do this."),
    (SuspiciousOperation, 400, "BadParameter", "The request cannot be read: too many or too large parts."),
    (BadRequest, 400, "BadParameter", "The request cannot be read."),
    (UnreadablePostError, 400, "BadParameter", "The body of the request ended too early."),
)


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """Django REST Framework's EXCEPTION_HANDLER."""
    del context
    if isinstance(error, errors.VaultError) and error.status != 500:
        headers = {}
        if isinstance(error, errors.Throttled | errors.Unavailable):
            headers["Retry-After"] = str(error.retry_after)
        return _response(error.status, error.code, error.message, headers)
    if isinstance(error, APIException):
        headers = {"Retry-After": str(int(getattr(error, "wait", None) or 1))} if isinstance(error, Throttled) else {}
        if auth := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = auth
        return _response(error.status_code, type(error).__name__, _sentence(error.detail), headers)
    for kind, status, code, message in _DJANGO:
        if isinstance(error, kind):
            return _response(status, code, message, {})
    if isinstance(error, DatabaseError):
        connection.close()
        return _response(503, "Unavailable", "The database is not available. Try again shortly.", {"Retry-After": "1"})
    logger.error("A management request failed", exc_info=error)
    return _response(500, "InternalServerError", "Something went wrong here. The log has the details.", {})


def _response(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    return Response({"error": {"code": code, "message": message}}, status=status, headers=headers)


def _sentence(detail: Any) -> str:
    if isinstance(detail, dict):
        return " ".join(f"{field}: {_sentence(item)}" for field, item in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentence(item) for item in detail)
    return str(detail)
