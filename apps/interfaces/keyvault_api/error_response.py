"""Errors as clients of the data plane see them: the codes of the contract (docs/reference/wire-contract.md section 14).

`tests/keyvault_api/test_error_response.py` checks that every error class has a row.
"""

import logging
from typing import Any, NamedTuple

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseError
from django.db import IntegrityError

from apps.core import errors
from apps.domain.access.grants import NotAuthorised
from apps.domain.certificates.kind import CertificateNotFound
from apps.domain.certificates.operations.creation import PendingInProgress
from apps.domain.certificates.queries import ContactsNotFound, IssuerNotFound, PendingCertificateNotFound
from apps.domain.identity.queries import addresses, get_organisation
from apps.domain.keys.kind import KeyNotFound
from apps.domain.keys.rules import KeyDisabled, KeyOperationForbidden, KeyOutsideDates
from apps.domain.objects.rules import ObjectIsDeleted
from apps.domain.secrets.kind import SecretNotFound
from apps.domain.secrets.rules import SecretDisabled
from apps.domain.vaults.queries import VaultNotFound
from apps.interfaces.keyvault_api.messages import ApiResponse

logger = logging.getLogger(__name__)


class ErrorMapping(NamedTuple):
    status: int
    code: str
    inner: str = ""


# (code, inner code). The most specific class first; the kinds last.
CODES: tuple[tuple[type[errors.VaultError], tuple[str, str]], ...] = (
    (KeyNotFound, ("KeyNotFound", "")),
    (SecretNotFound, ("SecretNotFound", "")),
    (CertificateNotFound, ("CertificateNotFound", "")),
    (PendingCertificateNotFound, ("PendingCertificateNotFound", "")),
    (ContactsNotFound, ("ContactsNotFound", "")),
    (IssuerNotFound, ("CertificateIssuerNotFound", "")),
    (VaultNotFound, ("VaultNotFound", "")),
    (KeyDisabled, ("Forbidden", "KeyDisabled")),
    (SecretDisabled, ("Forbidden", "SecretDisabled")),
    (KeyOutsideDates, ("Forbidden", "KeyOutsideDates")),
    (KeyOperationForbidden, ("Forbidden", "KeyOperationForbidden")),
    (NotAuthorised, ("Forbidden", "ForbiddenByRbac")),
    (ObjectIsDeleted, ("Conflict", "ObjectIsDeletedButRecoverable")),
    (PendingInProgress, ("Forbidden", "")),  # sic: docs/reference/wire-contract.md section 13
    (errors.TooLarge, ("RequestTooLarge", "")),
    (errors.BadRequest, ("BadParameter", "")),
    (errors.Unauthenticated, ("Unauthorized", "")),
    (errors.Forbidden, ("Forbidden", "")),
    (errors.NotFound, ("NotFound", "")),
    (errors.Conflict, ("Conflict", "")),
    (errors.Throttled, ("Throttled", "")),
    (errors.Unavailable, ("ServiceUnavailable", "")),
)
_INTERNAL = ErrorMapping(500, "InternalServerError")
_CONFLICT = ErrorMapping(409, "Conflict")
# Another request purged or made the same object between two statements of this one.
_LOST_RACES = (ObjectDoesNotExist, IntegrityError)
_LOST_STATES = ("40P01", "40001")  # deadlock_detected, serialization_failure: PostgreSQL gave up this one


def error_mapping(error: Exception) -> ErrorMapping:
    """The mapping of an error; 500 for what no caller can cause."""
    if isinstance(error, _LOST_RACES) or getattr(error.__cause__, "sqlstate", None) in _LOST_STATES:
        return _CONFLICT
    if isinstance(error, DatabaseError):
        return ErrorMapping(503, "ServiceUnavailable")
    return next((ErrorMapping(error.status, *codes) for kind, codes in CODES if isinstance(error, kind)), _INTERNAL)


def to_response(error: Exception) -> ApiResponse:
    """Build the response for an error, in the contract's shape."""
    mapping = error_mapping(error)
    if mapping is _INTERNAL:
        logger.error("A request failed", exc_info=error)
        message = "An internal error occurred. The service's log has the details."
    elif mapping is _CONFLICT:
        message = "The object was changed by another request at the same time. Nothing was done; try again."
    elif isinstance(error, errors.VaultError):
        message = error.message
    else:
        message = "The database is not available. Try again shortly."
    # A message may quote a token's header or claims: JSON in them can spell lone surrogates, which UTF-8 cannot.
    message = message.encode("utf-8", "replace").decode()
    body: dict[str, Any] = {"code": mapping.code, "message": message}
    if mapping.inner:
        body["innererror"] = {"code": mapping.inner}
    return ApiResponse(mapping.status, {"error": body}, _headers(error, mapping))


def challenge() -> str:
    """Build the `WWW-Authenticate` header that tells an SDK where to get a token (wire-contract.md section 2.1)."""
    service = addresses()
    tenant = get_organisation().tenant_id
    return f'Bearer authorization="{service.authority}/{tenant}", resource="{service.resource}"'


def _headers(error: Exception, mapping: ErrorMapping) -> tuple[tuple[str, str], ...]:
    if mapping.status == 401:
        return (("WWW-Authenticate", challenge()),)
    if mapping.status in (429, 503):
        return (("Retry-After", str(getattr(error, "retry_after", 1))),)
    return ()
