"""Events are written with the change, once, and numbered in the order that holds for each object."""

import uuid
from datetime import timedelta

import psycopg
import pytest
from django.db import transaction

from apps.core.clock import now
from apps.core.sql import select_value
from apps.domain.access.grants import GrantMismatch
from apps.domain.access.operations import assign_role, create_group, remove_role, set_member
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.events import expiry, queries
from apps.domain.events.models import Event, ExpiryNotice
from apps.domain.events.operations import append
from apps.domain.events.rules import EventType, Subject
from apps.domain.keys.models import KeyVersion, RotationPolicy
from apps.domain.keys.operations import rotation
from apps.domain.objects.operations import soft_delete
from apps.domain.secrets.kind import SECRETS
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.vaults.operations import set_frozen
from tests.support import actors
from tests.support.roles import attempt, connect
from vaultportal.database_privileges import EVENTS, HSM, JOBS, WEB

pytestmark = pytest.mark.django_db


def events(vault, *, kind=""):
    """(type after its last dot, object, version) of a vault's events, in their order."""
    queries.number_pending()
    rows = Event.objects.filter(vault_id=vault.pk).order_by("position")
    found = [(row.type.rpartition(".")[2], row.object_name, row.version) for row in rows]
    return [event for event in found if event[0].startswith(kind)]


def make_secret(vault, name="password", version="1" * 32, **fields):
    secret, _ = Secret.objects.get_or_create(vault=vault, name=name, folded_name=name)
    made = {"created": now(), "updated": now(), "sealed": b"", **fields}
    secret.current = SecretVersion.objects.create(secret=secret, version=version, **made)
    secret.save()
    return secret


def test_each_version_of_each_kind_has_one_event_when_it_is_usable(vault):
    key = actors.make_key(vault, "signer", versions=("a" * 32,))
    pending = KeyVersion.objects.create(
        key=key, version="b" * 32, key_type="EC", parameter="P-256", custody="wrapped", operations=[],
        created=now(), updated=now(),
    )  # fmt: skip
    make_secret(vault)
    assert events(vault) == [
        ("KeyNewVersionCreated", "signer", "a" * 32),
        ("SecretNewVersionCreated", "password", "1" * 32),
    ]
    pending.protected, pending.state = actors.make_protected(vault.world, vault, name="signer"), "ready"
    pending.save()
    pending.enabled = False
    pending.save()
    assert events(vault)[2:] == [("KeyNewVersionCreated", "signer", "b" * 32)]
    positions = Event.objects.filter(vault_id=vault.pk).order_by("position").values_list("position", flat=True)
    assert list(positions) == [1, 2, 3]


def test_the_key_and_the_secret_of_a_certificate_have_no_events_of_their_own(vault):
    actors.make_key(vault, "tls", managed=True)
    Secret.objects.create(vault=vault, name="tls", folded_name="tls", managed=True)
    make_secret(vault, "tls")
    assert events(vault) == []


def test_a_change_that_is_rolled_back_leaves_no_event(vault):
    with transaction.atomic():
        make_secret(vault)
        transaction.set_rollback(True)
    assert events(vault) == []
    make_secret(vault)
    assert len(events(vault)) == 1


def test_an_operation_appends_events_of_its_own_vault_only(vault):
    other = actors.make_vault(vault.world, "another")
    grant, key = scheduled_grant(vault), actors.make_key(vault)
    about = {"event_type": EventType.VERSION_RETIRED, "subject": Subject("key", key.pk, "x", "0" * 32), "now": now()}
    append(grant=grant, vault_id=vault.pk, data={"Reason": "compromised"}, **about)
    with pytest.raises(GrantMismatch):
        append(grant=grant, vault_id=other.pk, **about)
    assert events(vault, kind="Version") == [("VersionRetired", "x", "0" * 32)]
    assert Event.objects.get(type=EventType.VERSION_RETIRED).data == {"Reason": "compromised"}


def test_a_change_of_access_is_one_event_for_each_vault_and_transaction(vault, people):
    assert events(vault, kind="VaultAccess") == [("VaultAccessPolicyChanged", "", "")]  # all roles in one transaction
    other = actors.make_vault(vault.world, "another")
    key = actors.make_key(other)
    Event.objects.all().delete()
    grant = actors.grant_of(people.secops, Permission.ROLES_ASSIGN)
    # Tests run in one transaction, which is the same as one for the outbox: numbering ends it.
    actors.give(people.stranger, "key-vault-crypto-user", other, object_type="key", object_id=key.pk)
    assert events(vault) == []
    assert events(other, kind="VaultAccess") == [("VaultAccessPolicyChanged", "", "")]
    group = create_group(grant=grant, name="readers")
    assert len(events(other, kind="VaultAccess")) == 1
    assign_role(grant=grant, assignee=group, role="key-vault-reader", object_type="vault", object_id=vault.pk)
    assert len(events(vault)) == 1
    set_member(grant=grant, group=group, principal_id=people.stranger.id, member=True)
    assert len(events(vault)) == 2
    set_member(grant=grant, group=group, principal_id=people.stranger.id, member=False)
    assert len(events(vault)) == 3
    remove_role(grant=grant, assignee=group, role="key-vault-reader", object_type="vault", object_id=vault.pk)
    assert len(events(vault)) == 4


def test_the_states_of_a_vault_are_events(vault, people):
    grant = actors.grant_of(people.secops, Permission.VAULTS_UPDATE, vault)
    set_frozen(grant=grant, name=vault.name, frozen=True)
    set_frozen(grant=grant, name=vault.name, frozen=False)
    vault.refresh_from_db()
    vault.held = True
    vault.save()
    vault.deleted, vault.purge_after = now(), now() + timedelta(days=9)
    vault.save()
    queries.number_pending()
    rows = Event.objects.filter(type="VaultPortal.VaultStateChanged").order_by("position")
    assert [row.data["State"] for row in rows] == ["frozen", "unfrozen", "suspended", "deleted"]


@pytest.mark.django_db(transaction=True)
def test_events_of_one_object_are_in_the_order_of_their_commits(vault):
    """The transaction with the lower id writes its event later, and a third one is numbered while it is open."""
    secret = make_secret(vault)
    other = actors.make_key(vault)
    events(vault)
    write = (
        "INSERT INTO secrets_secretversion (id, secret_id, version, sealed, enabled, tags, created, updated) "
        "VALUES (gen_random_uuid(), %s, %s, '', true, '{}', now(), now())"
    )
    lock = "SELECT FROM secrets_secret WHERE id = %s FOR UPDATE"
    with connect(WEB) as late, connect(HSM) as early:
        late.execute("SELECT pg_current_xact_id()")
        early.execute("SELECT pg_current_xact_id()")
        early.execute(lock, [secret.pk])
        early.execute(write, [secret.pk, "2" * 32])
        early.commit()
        late.execute(lock, [secret.pk])
        late.execute(write, [secret.pk, "3" * 32])
        KeyVersion.objects.filter(key=other).update(state="failed", protected=None)
        assert events(vault)[-1] == ("SecretNewVersionCreated", "password", "2" * 32)
        late.commit()
    assert [version[0] for _, _, version in events(vault, kind="Secret")] == ["1", "2", "3"]
    assert not select_value("SELECT count(*) FROM events_pending")


def test_a_reader_gets_each_expiry_once(vault):
    soon, later = now() + timedelta(days=20), now() + timedelta(days=40)
    make_secret(vault, "soon", expires=soon)
    make_secret(vault, "later", expires=later)
    make_secret(vault, "long-gone", expires=now() - timedelta(days=50))
    make_secret(vault, "never")
    early = actors.make_key(vault, "early")
    actors.make_key(vault, "plain")
    KeyVersion.objects.update(expires=later)
    RotationPolicy.objects.create(key=early, notify_before_expiry="P45D", created=now(), updated=now())
    grant = scheduled_grant()

    def sweep(days):
        rotation.plan_changed(grant=grant, now=now() + timedelta(days=days))
        expiry.notify_due(grant=grant, now=now() + timedelta(days=days))
        expiry.notify_due(grant=grant, now=now() + timedelta(days=days))
        return {event[:2] for event in events(vault) if "NewVersion" not in event[0]}, len(events(vault))

    first, number = sweep(0)
    assert first == {("SecretNearExpiry", "soon"), ("KeyNearExpiry", "early")}
    assert sweep(0)[1] == number
    last, number = sweep(41)
    assert last == first | {
        ("SecretExpired", "soon"),
        ("SecretNearExpiry", "later"),
        ("SecretExpired", "later"),
        ("KeyExpired", "early"),
        ("KeyNearExpiry", "plain"),
        ("KeyExpired", "plain"),
    }
    assert ExpiryNotice.objects.count() == 8
    SecretVersion.objects.filter(secret__name="soon").update(expires=now() + timedelta(days=60))
    assert sweep(41)[1] == number + 1  # the expiry was moved: it is near again


def test_the_vault_decides_how_long_before_an_expiry_is_near(vault):
    make_secret(vault, expires=now() + timedelta(days=40))
    key = actors.make_key(vault)
    KeyVersion.objects.filter(key=key).update(expires=now() + timedelta(days=40))
    vault.near_expiry_days = 41
    vault.save()
    expiry.notify_due(grant=scheduled_grant(), now=now())
    near = {event[0] for event in events(vault) if "NearExpiry" in event[0]}
    assert near == {"SecretNearExpiry", "KeyNearExpiry"}


def test_old_events_are_deleted_and_a_reader_learns_of_it(vault, people):
    make_secret(vault)
    make_secret(vault, version="2" * 32)
    grant = actors.grant_of(people.app, Permission.EVENTS_READ, vault)
    found = queries.read_events(grant=grant, after=0)
    assert not found.missed
    assert expiry.delete_old(grant=scheduled_grant(), now=now() + timedelta(days=31)) >= found.after
    again = queries.read_events(grant=grant, after=0)
    assert (again.events, again.after, again.missed) == ((), found.after, True)
    make_secret(vault, version="3" * 32)
    assert not queries.read_events(grant=grant, after=found.after).missed
    assert queries.read_events(grant=grant, after=found.after - 1).missed
    assert queries.read_events(grant=grant, after=found.after + 100).missed


def test_a_purge_of_an_object_is_no_change_of_access(vault, people):
    secret = make_secret(vault)
    actors.give(people.stranger, "key-vault-secrets-user", vault, object_type="secret", object_id=secret.pk)
    Secret.objects.update(deleted=now() - timedelta(days=99), purge_after=now() - timedelta(days=9))
    before = events(vault)
    soft_delete.purge_due(grant=scheduled_grant(), kind=SECRETS, now=now())
    assert not Secret.objects.exists()
    assert events(vault) == before


def test_no_serving_role_reads_or_changes_the_outbox():
    for role in (WEB, HSM):
        with connect(role) as database:
            for statement in ("SELECT FROM events_pending", "DELETE FROM events_pending", "DELETE FROM events_event"):
                with pytest.raises(Exception, match="permission denied"), database.transaction():
                    database.execute(statement)


def test_no_serving_role_writes_an_event_that_stops_its_readers():
    insert = (
        "INSERT INTO events_pending (vault_id, type, object_type, object_id, object_name, version, data, at) "
        "VALUES (%s, 'x', %s, %s, 'x', '', %s, now())"
    )
    with connect(WEB) as database:
        for object_type, data in (
            ("volume", None),
            ("key", "[1]"),
            ("key", '"text"'),
            ("key", '{"Count": 123456789012345678901234567890}'),
            ("key", '{"Names": ["x"]}'),
            ("key", '{"Text": "' + "x" * 5000 + '"}'),
        ):
            error = attempt(database, insert, [uuid.uuid4(), object_type, uuid.uuid4(), data])
            assert isinstance(error, psycopg.errors.CheckViolation), (object_type, data)
        for data in (None, "{}", '{"State": "frozen"}'):
            assert attempt(database, insert, [uuid.uuid4(), "key", uuid.uuid4(), data]) is None
        database.rollback()


def test_a_lock_that_another_role_holds_stops_no_reader(vault, people):
    grant = actors.grant_of(people.app, Permission.EVENTS_READ, vault)
    make_secret(vault)
    with connect(EVENTS) as other:  # before this test numbers: its transaction would keep the lock
        other.execute("SELECT pg_advisory_lock(7420, 0)")
        assert queries.number_pending() == 0
        assert queries.read_events(grant=grant, after=0).after == 0
        other.execute("SELECT pg_advisory_unlock(7420, 0)")
    assert queries.read_events(grant=grant, after=0).after > 0


def test_the_outbox_is_emptied_where_nobody_reads(vault):
    make_secret(vault)
    expiry.delete_old(grant=scheduled_grant(), now=now())
    assert not select_value("SELECT count(*) FROM events_pending")
    assert select_value("SELECT has_function_privilege(%s, 'events_number()', 'EXECUTE')", [JOBS])
