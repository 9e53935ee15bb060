"""Notes and sign-offs of auditors. Rows are added, never changed; each is recorded."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.audit_reader import review_rules
from apps.audit_reader.models import Attestation, Review
from apps.audit_reader.review_items import ReviewItem
from apps.core.errors import BadRequest, NotFound
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission

Facts = dict[str, str]


class ItemNotFound(NotFound):
    """There is no such item in that week."""


class NoteNeeded(BadRequest):
    """An escalation needs a note."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An item with its latest review."""

    item: ReviewItem
    review: Review | None


def list_review_queue(*, grant: Grant, week: date) -> list[Reviewed]:
    """List the items of a week, the open ones first. This reads the log and is recorded."""
    grant.require(Permission.AUDIT_READ)
    items = review_rules.list_items(week=week)
    append_change(grant, operation=Operation.LOG_REVIEW, object_id="log", week=str(week))
    reviews = {row.item: row for row in Review.objects.filter(period=week).order_by("at")}
    rows = [Reviewed(item, reviews.get(item.key)) for item in items]
    return sorted(rows, key=lambda row: row.review is not None)


@transaction.atomic
def sign(*, grant: Grant, week: date, key: str, verdict: str, note: str, now: datetime) -> Review:
    """Sign an item off, or escalate it. Raises `ItemNotFound`, `NoteNeeded`."""
    grant.require(Permission.AUDIT_REVIEW)
    if verdict not in Review.Verdict.values:
        raise BadRequest("Approve or escalate it.")
    if verdict == Review.Verdict.ESCALATED and not note.strip():
        raise NoteNeeded("Enter a note that says what is wrong.")
    rule = key.partition(":")[0]
    item = next((item for item in review_rules.list_items(week=week, only=rule) if item.key == key), None)
    if item is None:
        raise ItemNotFound("There is no such item in that week.")
    title = f"{item.rule}: {item.caller or 'unknown'} {item.operation} {item.object}".strip()
    append_change(grant, operation=Operation.REVIEW_SIGN, object_id="log", item=key, verdict=verdict, week=str(week))
    return Review.objects.create(
        item=key,
        period=week,
        title=title[:300],
        verdict=verdict,
        note=note.strip()[:1000],
        reviewer_id=grant.principal.id,
        reviewer=grant.principal.name,
        at=now,
    )


@transaction.atomic
def attest(
    *, grant: Grant, vault_id: UUID, assignments: Iterable[Mapping[str, Any]], unused: int, note: str, now: datetime
) -> Attestation:
    """Attest that the access to a vault is correct, with exactly these assignments."""
    grant.require(Permission.AUDIT_REVIEW, vault_id=vault_id)
    rows = list(assignments)
    digest = digest_of(rows)
    append_change(grant, operation=Operation.ACCESS_ATTEST, object_id="access", digest=digest, assignments=len(rows))
    return Attestation.objects.create(
        vault_id=vault_id,
        assignments=len(rows),
        unused=unused,
        digest=digest,
        facts=[_plain(row) for row in rows],
        note=note.strip()[:1000],
        attested_by_id=grant.principal.id,
        attested_by=grant.principal.name,
        at=now,
    )


def digest_of(assignments: Iterable[Mapping[str, Any]]) -> str:
    """Compute a digest of assignments, whatever their order."""
    lines = sorted(orjson.dumps(_plain(row), option=orjson.OPT_SORT_KEYS) for row in assignments)
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def latest_attestation(*, vault_id: UUID) -> Attestation | None:
    """Get the latest attestation of a vault."""
    return Attestation.objects.filter(vault_id=vault_id).order_by("-at").first()


def latest_attestations() -> dict[UUID, Attestation]:
    """Get the latest attestation of each vault."""
    rows = Attestation.objects.defer("facts").order_by("vault_id", "-at").distinct("vault_id")
    return {row.vault_id: row for row in rows}


def changes_since(
    attestation: Attestation, assignments: Iterable[Mapping[str, Any]]
) -> tuple[list[Facts], list[Facts]]:
    """Return (added, removed) assignments since an attestation; nothing for one that has no assignments stored."""
    if attestation.facts is None:
        return [], []
    now = [_plain(row) for row in assignments]
    added = [row for row in now if row not in attestation.facts]
    return added, [row for row in attestation.facts if row not in now]


def _plain(row: Mapping[str, Any]) -> Facts:
    return {name: str(value) for name, value in row.items()}
