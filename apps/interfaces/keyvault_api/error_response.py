"""What a client of the data plane sees of our errors: the codes of the contract (wire-contract.md section 14).

`tests/dataplane/test_error_response.py` checks that no error class is without a row.
"""

import logging
from typing import Any, NamedTuple

from django.core.exceptions import ObjectDoesNotExist
from django.db import Error as DatabaseError
from django.db import IntegrityError

from apps.core import errors
from apps.core.principals import Principal
from apps.domain.access.grants import NotAuthorised
from apps.domain.access.permissions import DATA_ACTIONS, Permission
from apps.domain.certificates.operations.creation import PendingInProgress
from apps.domain.certificates.queries import (
    CertificateNotFound,
    ContactsNotFound,
    IssuerNotFound,
    PendingCertificateNotFound,
)
from apps.domain.identity.queries import addresses, get_organisation
from apps.domain.keys.queries import KeyNotFound
from apps.domain.keys.rules import KeyDisabled, KeyOperationForbidden, KeyOutsideDates
from apps.domain.secrets.queries import SecretNotFound
from apps.domain.secrets.rules import SecretDisabled
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import VaultNotFound
from apps.domain.vaults.rules import ObjectIsDeleted
from apps.interfaces.keyvault_api.call import ApiResponse

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
_OVERTAKEN = ErrorMapping(409, "Conflict")
# Another request purged or made the same object between two statements of this one.
_RACES = (ObjectDoesNotExist, IntegrityError)
_LOST_STATES = ("40P01", "40001")  # deadlock_detected, serialization_failure: PostgreSQL gave up this one


def error_mapping(error: Exception) -> ErrorMapping:
    """The row of an error; 500 for what no caller can cause."""
    if isinstance(error, _RACES) or getattr(error.__cause__, "sqlstate", None) in _LOST_STATES:
        return _OVERTAKEN
    if isinstance(error, DatabaseError):
        return ErrorMapping(503, "ServiceUnavailable")
    return next((ErrorMapping(error.status, *codes) for kind, codes in CODES if isinstance(error, kind)), _INTERNAL)


def to_response(error: Exception) -> ApiResponse:
    """The answer for an error, in the contract's shape."""
    row = error_mapping(error)
    if row is _INTERNAL:
        logger.error("A request failed", exc_info=error)
        message = "An internal error occurred. The service's log has the details."
    elif row is _OVERTAKEN:
        message = "The object was changed by another request at the same time. Nothing was done; try again."
    elif isinstance(error, errors.VaultError):
        message = error.message
    else:
        message = "The database is not available. Try again shortly."
    body: dict[str, Any] = {"code": row.code, "message": message}
    if row.inner:
        body["innererror"] = {"code": row.inner}
    return ApiResponse(row.status, {"error": body}, _headers(error, row))


def challenge() -> str:
    """`WWW-Authenticate`: tells an SDK where to get a token (wire-contract.md section 2.1); this exact form."""
    where = addresses()
    return f'Bearer authorization="{where.authority}/{get_organisation().tenant_id}", resource="{where.resource}"'


def denial_text(principal: Principal, permission: Permission, vault: Vault, resource: str) -> str:
    """The sentence of a 403 by role assignments, as Azure RBAC writes it (wire-contract.md section 14)."""
    issuer = addresses().issuer(principal.tenant_id)
    return (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, "
        "please observe propagation time.\r\n"
        f"Caller: appid={principal.client_id};oid={principal.id};iss={issuer}\r\n"
        f"Action: '{DATA_ACTIONS.get(permission, permission)}'\r\n"
        f"Resource: '/vaults/{vault.name.lower()}/{resource}'\r\n"
        "Assignment: (not found)\r\n"
        "DenyAssignmentId: null\r\n"
        "DecisionReason: 'DeniedWithNoValidRBAC' \r\n"
        f"Vault: {vault.name};location={vault.world.region}\r\n"
    )


def _headers(error: Exception, row: ErrorMapping) -> tuple[tuple[str, str], ...]:
    if row.status == 401:
        return (("WWW-Authenticate", challenge()),)
    if row.status in (429, 503):
        return (("Retry-After", str(getattr(error, "retry_after", 1))),)
    return ()
