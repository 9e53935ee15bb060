"""A key with consumers, and the runner of rollovers with a clock of the test's own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.bulk_rotation import operations, runner
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.bulk_rotation.operations import RolloverPlan
from apps.domain.hsm_client.models import Job
from apps.domain.keys.models import Key, KeyVersion
from tests.support import actors

OLD = "0" * 32


@dataclass
class Rolling:
    """Rollovers of one vault. `day`: how many days have passed."""

    vault: Any
    people: Any
    start: datetime = field(default_factory=now)
    day: float = 0

    @property
    def now(self):
        return self.start + timedelta(days=self.day)

    def grant(self, permission, who=None):
        return actors.grant_of(who or self.people.secops, permission, self.vault)

    def begin(self, **plan):
        plan = RolloverPlan(**{"kind": "staged", "reason": "a test", "quiet_days": 7, **plan})
        grant = self.grant(Permission.KEYS_ROTATE)
        return operations.start(grant=grant, vault=self.vault, plan=plan, now=self.now)

    def retire(self, rollover, *, override=False):
        grant = self.grant(Permission.KEYS_UPDATE)
        return operations.retire(grant=grant, rollover_id=rollover.pk, override=override, now=self.now)

    def set_state(self, rollover, state):
        operations.set_state(grant=self.grant(Permission.KEYS_ROTATE), rollover_id=rollover.pk, state=state)

    def advance(self, *, day=None):
        """Let the scheduler work until nothing changes on this day; the HSM creates what is asked for at once."""
        self.day = self.day if day is None else day
        for _ in range(4):
            runner.advance(grant=scheduled_grant(), now=self.now)
            self.create_versions()

    def create_versions(self):
        """What the HSM worker does with the open jobs."""
        for job in Job.objects.filter(state="queued", kind="hsm.generate_key"):
            row = KeyVersion.objects.select_related("key").get(pk=job.subject_id)
            row.protected = actors.make_protected(self.vault.world, self.vault, name=row.key.name)
            row.state = KeyVersion.State.READY
            row.save()
            Key.objects.filter(pk=row.key_id).update(current=row)
            Job.objects.filter(pk=job.pk).update(state="done")

    def turn(self, rollover):
        return RolloverKey.objects.get(rollover=rollover)

    def stage(self, rollover):
        return self.turn(rollover).state

    def state(self, rollover):
        return Rollover.objects.get(pk=rollover.pk).state

    def use(self, principal, version, *, name="master"):
        """A call of this day."""
        actors.count_use(principal, self.vault, object_id=f"keys/{name}/{version}", last=self.now)

    def is_enabled(self, version=OLD):
        return KeyVersion.objects.get(version=version).enabled


@pytest.fixture
def rolling(vault, people):
    actors.make_key(vault, "master", versions=[OLD], moments=[now() - timedelta(days=30)])
    return Rolling(vault, people)
