"""Requester and approver are compared as people, not as accounts (docs/security-operations.md, Approve requests).

A person who created or invited a principal, or added one of its credentials, counts as that principal for
`APPROVAL_SAME_PERSON_DAYS`, and for as long as a credential that they added is valid.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from apps.core.principals import Principal, PrincipalKind
from apps.domain.approvals.models import PrincipalControl

How = PrincipalControl.How


def record_control(
    *,
    principal_id: UUID,
    by: Principal,
    how: PrincipalControl.How,
    credential_id: UUID | None = None,
    expires: datetime | None = None,
    now: datetime,
) -> None:
    """Record, in the transaction of the act, who can act as a principal. The machine's own commands are nobody's."""
    if by.kind is PrincipalKind.SYSTEM or by.id == principal_id:
        return
    PrincipalControl.objects.create(
        principal_id=principal_id,
        person_id=by.id,
        how=how,
        credential_id=credential_id,
        credential_expires=expires,
        at=now,
    )


def record_invitation(*, principal_id: UUID, inviter_id: UUID, now: datetime) -> None:
    """Record who invited a person who has just accepted."""
    PrincipalControl.objects.create(principal_id=principal_id, person_id=inviter_id, how=How.INVITED, at=now)


def record_removal(*, credential_id: UUID, now: datetime) -> None:
    """Record that a credential was removed: the person who added it counts for the time of the setting from now on."""
    added = PrincipalControl.objects.filter(credential_id=credential_id, how=How.CREDENTIAL)
    for row in added:
        PrincipalControl.objects.create(
            principal_id=row.principal_id,
            person_id=row.person_id,
            how=How.REMOVED,
            credential_id=credential_id,
            at=now,
        )


def shared_people(one: UUID, other: UUID, *, at: datetime) -> frozenset[UUID]:
    """Return the people who are behind both principals; empty for two different people."""
    return people_behind(one, at=at) & people_behind(other, at=at)


def people_behind(principal_id: UUID, *, at: datetime) -> frozenset[UUID]:
    """Return the principal with everyone who counts as it at that time, or has since."""
    since = at - timedelta(days=settings.APPROVAL_SAME_PERSON_DAYS)
    behind, next_ones = {principal_id}, {principal_id}
    while next_ones:
        next_ones = _controllers(next_ones, since=since, at=at) - behind
        behind |= next_ones
    return frozenset(behind)


def _controllers(principal_ids: set[UUID], *, since: datetime, at: datetime) -> set[UUID]:
    removed = PrincipalControl.objects.filter(principal_id__in=principal_ids, how=How.REMOVED)
    valid = Q(how=How.CREDENTIAL) & (Q(credential_expires__isnull=True) | Q(credential_expires__gt=at))
    valid &= ~Q(credential_id__in=removed.values("credential_id"))
    rows = PrincipalControl.objects.filter(Q(at__gte=since) | valid, principal_id__in=principal_ids)
    return set(rows.values_list("person_id", flat=True))
