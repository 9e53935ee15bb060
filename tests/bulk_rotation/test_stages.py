"""Staged rollovers: create, announce, observe, moved, retire; and what stops one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.grants import NotAuthorised
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.operations import decide
from apps.domain.bulk_rotation import consumers, runner, stages
from apps.domain.bulk_rotation.consumers import consumer_grid
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.domain.bulk_rotation.operations import (
    BadRolloverState,
    NothingToRotate,
    NotMoved,
    RolloverOpen,
    RolloverPlan,
    start,
    start_emergency,
)
from apps.domain.events.models import Acknowledgement
from apps.domain.hsm_client.models import Job
from apps.domain.keys.models import Key, KeyVersion
from apps.usage.models import UseCount
from tests.bulk_rotation.conftest import OLD
from tests.support import actors


def announced_events():
    with connection.cursor() as cursor:
        cursor.execute("SELECT type, version, data FROM events_pending WHERE type LIKE 'VaultPortal.%' ORDER BY seq")
        return cursor.fetchall()


def test_an_old_version_is_retired_when_its_consumers_have_moved(rolling):
    rolling.use(rolling.people.app, OLD)
    rollover = rolling.begin()
    rolling.advance()
    turn = rolling.turn(rollover)
    assert (turn.state, turn.old_version) == ("observing", OLD)
    assert Key.objects.get().current.version == turn.new_version != OLD
    rolling.advance(day=3)
    rolling.use(rolling.people.stranger, OLD)
    rolling.advance(day=9.9)
    assert rolling.stage(rollover) == "observing"
    with pytest.raises(NotMoved, match="still use the old version"):
        rolling.retire(rollover)
    rolling.advance(day=10)
    assert (rolling.stage(rollover), rolling.is_enabled()) == ("moved", True)  # nobody has asked for it yet
    rolling.retire(rollover)
    rolling.advance()
    assert (rolling.stage(rollover), rolling.is_enabled(), rolling.state(rollover)) == ("retired", False, "done")
    types = [(type_, version) for type_, version, _ in announced_events()]
    assert types == [("VaultPortal.RolloverAnnounced", turn.new_version), ("VaultPortal.VersionRetired", OLD)]


def test_who_comes_back_is_waited_for_again(rolling):
    rolling.use(rolling.people.app, OLD)
    rollover = rolling.begin()
    rolling.advance()
    rolling.advance(day=8)
    assert rolling.stage(rollover) == "moved"
    actors.count_use(rolling.people.app, rolling.vault, object_id=f"keys/master/{OLD}", operation="KeyDecrypt",
                     last=rolling.now)  # fmt: skip
    rolling.retire(rollover)  # asked for a moment too late
    rolling.advance(day=8.1)
    assert (rolling.stage(rollover), rolling.is_enabled()) == ("observing", True)
    rolling.advance(day=15.1)
    assert rolling.stage(rollover) == "retired"


def test_acknowledged_by_every_consumer_it_retires_alone(rolling):
    rolling.use(rolling.people.app, OLD)
    rollover = rolling.begin(automatic=True)
    rolling.advance()
    rolling.day = 1
    turn = rolling.turn(rollover)
    facts = {"vault_id": rolling.vault.pk, "object_type": "key", "object_id": turn.key_id, "object_name": "master"}
    app = {"principal_id": rolling.people.app.id, "client_id": rolling.people.app.client_id}
    Acknowledgement.objects.create(**facts, **app, version=turn.new_version, at=rolling.now)
    rolling.advance()
    assert (rolling.stage(rollover), rolling.is_enabled()) == ("retired", False)


def test_reading_a_public_key_needs_no_old_version(rolling):
    actors.count_use(rolling.people.app, rolling.vault, object_id=f"keys/master/{OLD}", operation="KeyGet")
    rolling.begin()
    rolling.advance()
    grid = consumer_grid(vault=rolling.vault, key=Key.objects.get(), now=rolling.now)
    assert grid.lines == []


def test_the_latest_call_counts_whatever_name_its_record_has(rolling):
    """The counts of two operations may have two names of one caller."""
    place = f"keys/master/{OLD}"
    actors.count_use(rolling.people.app, rolling.vault, object_id=place, operation="KeyDecrypt", last=rolling.now)
    earlier = rolling.now - timedelta(days=20)
    actors.count_use(rolling.people.app, rolling.vault, object_id=place, operation="KeySign", last=earlier)
    UseCount.objects.filter(operation="KeySign").update(caller="earlier name")
    rolling.begin()
    rolling.advance()
    (line,) = consumer_grid(vault=rolling.vault, key=Key.objects.get(), now=rolling.now).lines
    assert (line.consumer.old.calls, line.consumer.old.last) == (2, rolling.now)


def test_the_grid_shows_who_is_behind(rolling):
    rolling.use(rolling.people.app, OLD)
    rollover = rolling.begin()
    rolling.advance()
    rolling.use(rolling.people.stranger, rolling.turn(rollover).new_version)
    grid = consumer_grid(vault=rolling.vault, key=Key.objects.get(), now=rolling.now)
    assert {(line.application, line.standing) for line in grid.lines} == {("app", "behind"), ("stranger", "new")}
    assert (grid.behind, grid.moved_at) == (1, rolling.now + timedelta(days=7))


def test_who_may_only_rotate_starts_no_automatic_rollover(rolling):
    """It would disable versions, which the stranger may not."""
    other = replace(rolling.grant(Permission.KEYS_ROTATE), principal=rolling.people.stranger)
    plan = RolloverPlan(reason="a test", kind="staged", automatic=True)
    with pytest.raises(NotAuthorised):
        start(grant=other, vault=rolling.vault, plan=plan, now=rolling.now)
    assert not Rollover.objects.exists()


def test_an_override_needs_another_person(rolling):
    rolling.use(rolling.people.app, OLD)
    rollover = rolling.begin()
    rolling.advance()
    with pytest.raises(ApprovalRequired, match="keys/master"):
        rolling.retire(rollover, override=True)
    rolling.advance()
    assert rolling.is_enabled()
    second = actors.make_person("second", PersonRole.SECURITY_OPERATIONS)
    grant = actors.grant_of(second, Permission.APPROVALS_DECIDE)
    decide(grant=grant, request_id=ApprovalRequest.objects.get().pk, approve=True, now=rolling.now)
    rolling.retire(rollover, override=True)
    rolling.advance()
    turn = rolling.turn(rollover)
    assert (turn.state, turn.overridden, rolling.is_enabled()) == ("retired", True, False)


def test_paused_nothing_happens_and_cancelled_the_old_version_stays(rolling):
    rolling.use(rolling.people.app, OLD)
    rollover = rolling.begin(automatic=True)
    rolling.advance()
    rolling.set_state(rollover, "paused")
    rolling.advance(day=30)
    assert rolling.stage(rollover) == "observing"
    rolling.set_state(rollover, "cancelled")
    rolling.advance(day=31)
    assert (rolling.stage(rollover), rolling.state(rollover), rolling.is_enabled()) == ("left", "cancelled", True)
    with pytest.raises(BadRolloverState):
        rolling.set_state(rollover, "running")
    with pytest.raises(BadRolloverState):
        rolling.retire(rollover)


def test_it_starts_at_its_time(rolling):
    rollover = rolling.begin(starts=rolling.start + timedelta(days=2))
    rolling.advance(day=1.9)
    assert rolling.stage(rollover) == "waiting"
    rolling.advance(day=2)
    assert rolling.stage(rollover) == "observing"


def test_a_key_has_one_rollover_at_a_time(rolling):
    rolling.begin(key="MASTER")
    with pytest.raises(RolloverOpen, match="master has a rollover"):
        rolling.begin(key="master")
    with pytest.raises(NothingToRotate):
        rolling.begin(kind="bulk")
    actors.make_key(rolling.vault, "other", versions=["1" * 32], moments=[now() - timedelta(days=1)])
    assert rolling.begin().total == 1  # the other key


def test_an_emergency_disables_first_and_replaces_an_open_rollover(rolling):
    rolling.use(rolling.people.app, OLD)
    planned = rolling.begin()
    rolling.advance()
    known = rolling.turn(planned).new_version
    until = rolling.now + timedelta(days=1)
    KeyVersion.objects.filter(version=OLD).update(rehearsed_until=until, refused_until=until, refused_percent=10)
    permissions = Permission.KEYS_UPDATE, Permission.KEYS_ROTATE
    grant, rotate = (rolling.grant(permission) for permission in permissions)
    emergency = start_emergency(
        grant=grant, rotate=rotate, vault=rolling.vault, name="master", reason="leaked", now=rolling.now
    )
    assert not rolling.is_enabled(known)  # before any process did anything
    assert rolling.is_enabled(OLD)
    old = KeyVersion.objects.get(version=OLD)
    assert (old.rehearsed_until, old.refused_until, old.refused_percent) == (None, None, 0)
    rolling.advance()
    assert (rolling.stage(planned), rolling.stage(emergency)) == ("left", "retired")
    assert Key.objects.get().current.version == rolling.turn(emergency).new_version
    assert Key.objects.get().current.enabled
    assert {rolling.state(planned), rolling.state(emergency)} == {Rollover.State.DONE}


def test_of_many_keys_some_are_noted_as_moved_at_once(rolling, monkeypatch):
    monkeypatch.setattr(stages, "_MOST_MOVED", 1)
    monkeypatch.setattr(consumers, "_AT_ONCE", 1)  # one statement for each key
    actors.make_key(rolling.vault, "other", versions=["1" * 32], moments=[now() - timedelta(days=30)])
    rollover = rolling.begin()
    rolling.advance()
    rolling.advance(day=8)
    states = RolloverKey.objects.filter(rollover=rollover).values_list("state", flat=True)
    assert sorted(states) == ["moved", "observing"]
    rolling.advance(day=8.1)
    assert set(states.all()) == {"moved"}


def test_a_key_deleted_meanwhile_ends_its_part(rolling):
    rollover = rolling.begin(automatic=True, quiet_days=1)
    rolling.advance()
    Key.objects.update(deleted=now())
    rolling.advance(day=2)
    turn = rolling.turn(rollover)
    assert (turn.state, rolling.state(rollover)) == ("left", "done")
    assert "was not found" in turn.message


def test_a_key_purged_meanwhile_holds_nobody_up(rolling):
    rollover = rolling.begin(automatic=True)
    runner.advance(grant=scheduled_grant(), now=rolling.now)
    Job.objects.update(state="done")
    Key.objects.update(deleted=now(), purge_after=now())
    Key.objects.update(current=None)
    KeyVersion.objects.all().delete()
    Key.objects.all().delete()
    rolling.advance()
    rolling.advance(day=8)
    assert (rolling.stage(rollover), rolling.state(rollover)) == ("left", "done")
