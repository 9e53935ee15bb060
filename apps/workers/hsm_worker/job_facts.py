"""What the row of a job says of its caller, verified before it becomes an audit record.

Processes that an attacker may control write these rows. The worker records nothing but the creation that the job's kind
stands for, of the object that the job makes, and only for a caller whose attempt is in the log (docs/decisions/0004).
"""

import contextlib
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from apps.audit_log.attempts import has_attempt
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION
from apps.core.principals import PrincipalKind, RequestContext, request_detail
from apps.domain.hsm_client.client import JobRefused
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.protocol import Facts
from apps.domain.vaults.models import Vault

# The operations that the outcome of a job may have, by the job's kind.
OPERATIONS: dict[str, frozenset[Operation]] = {
    "hsm.generate_key": frozenset({Operation.KEY_CREATE, Operation.KEY_ROTATE, Operation.KEY_ROTATE_IF_DUE}),
    "hsm.create_vault_key": frozenset({Operation.VAULT_PUT}),
    "hsm.create_signing_key": frozenset({Operation.SIGNING_KEY_CREATE}),
    "hsm.make_certificate": frozenset({Operation.CERTIFICATE_CREATE, Operation.CERTIFICATE_RENEW}),
    "hsm.create_issuing_authority": frozenset({Operation.CERTIFICATE_ISSUER_SET}),
}
_FIELDS = Facts.__struct_fields__
_DETAIL = request_detail(None, RequestContext(request_id=UUID(int=0))).keys()


class Place(NamedTuple):
    """Where a job makes something: the vault of the records (None: the organisation) and the object as they name it."""

    vault: Vault | None
    object_id: str


def read_facts(job: Job) -> Facts:
    """Return the facts of the outcome record of a job. Raises `JobRefused`."""
    facts = _convert(job.grant)
    if facts.operation not in OPERATIONS.get(job.kind, ()):
        raise JobRefused("No job of this kind has an outcome of this operation.")
    log = UUID(facts.vault_id) if facts.vault_id else ORGANISATION
    _check_vault(log, facts.vault_name)
    if not has_attempt(
        log=log,
        request_id=UUID(facts.request_id),
        operation=facts.operation,
        caller=facts.caller,
        object_id=facts.object_id,
        near=job.pk,  # made in the moment of the record, whatever clock the scheduler was given
    ):
        raise JobRefused("The log has no attempt of this caller.")
    return facts


def check_place(facts: Facts, place: Place) -> None:
    """Raise `JobRefused` unless the facts are of what the job makes."""
    vault_id = place.vault.pk.hex if place.vault else ""
    if (facts.vault_id, facts.object_id.lower()) != (vault_id, place.object_id.lower()):
        raise JobRefused("The job is for another object than its record would name.")


def _convert(grant: Any) -> Facts:
    if isinstance(grant, dict) and grant.keys() == set(_FIELDS):
        with contextlib.suppress(ValueError, msgspec.ValidationError):
            facts = msgspec.convert([grant[name] for name in _FIELDS], Facts)
            if _has_our_ids(facts) and _has_our_detail(facts.detail):
                return facts
    raise JobRefused("The facts of its caller are malformed.")


def _has_our_ids(facts: Facts) -> bool:
    """Return whether the ids are written as we write them. Raises `ValueError` for what is no id."""
    ids = [facts.caller_id, facts.request_id, *([facts.vault_id] if facts.vault_id else [])]
    return all(UUID(text).hex == text for text in ids)


def _has_our_detail(detail: dict[str, Any]) -> bool:
    """Return whether the details are those that a job has: others could stand for a record's status or phase."""
    return (
        detail.keys() == _DETAIL
        and all(isinstance(value, str) for value in detail.values())
        and detail["principalKind"] in set(PrincipalKind)
    )


def _check_vault(log: UUID, name: str) -> None:
    known = "" if log == ORGANISATION else Vault.objects.filter(pk=log).values_list("name", flat=True).first()
    if name != known:
        raise JobRefused("The facts of its caller name a vault that there is not.")
