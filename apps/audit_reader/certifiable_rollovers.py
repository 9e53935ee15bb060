"""Which rollovers can have a certificate. The log decides in the end (`rollover_certificates.py`)."""

from uuid import UUID

from apps.core.errors import Conflict
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.bulk_rotation.queries import get_turn


class NotCertifiable(Conflict):
    """No certificate can be made of this rollover."""


def check_certifiable(*, rollover_id: UUID, key: str) -> tuple[Rollover, RolloverKey]:
    """Return the retired key of a staged rollover. Raises `RolloverNotFound`, `NotCertifiable`."""
    turn = get_turn(rollover_id=rollover_id, name=key)
    if turn.state != RolloverKey.State.RETIRED or turn.rollover.kind != Rollover.Kind.STAGED:
        raise NotCertifiable(f"The old version of {turn.name} was not retired by a staged rollover.")
    if turn.overridden:
        raise NotCertifiable(f"The old version of {turn.name} was retired by an override, while it was in use.")
    return turn.rollover, turn
