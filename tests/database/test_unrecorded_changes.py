"""What is written without an audit record is in the auditors' review queue; what our operations write is not."""

import uuid
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection, transaction

from apps.audit_log.operation_names import Operation
from apps.audit_reader import review_rules, unrecorded_changes
from apps.audit_reader.models import UnrecordedChange
from apps.core.clock import now
from apps.core.ids import uuid7
from apps.core.principals import PersonRole
from apps.domain.access import operations as access
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant, system_grant
from apps.domain.certificates.models import Certificate, Issuer
from apps.domain.identity import credentials, invitations
from apps.domain.identity import operations as identity
from apps.domain.identity.models import User
from apps.domain.keys.models import Key
from apps.domain.keys.operations import creation
from apps.domain.keys.rules import NewKey
from tests.database.test_record_policies import record
from tests.support import actors
from tests.support.roles import connect
from vaultportal.database_privileges import ROLES, WEB

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_records():
    """The table of records has no model that would empty it after a test."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM audit_event")
        cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")


def week():
    return review_rules.week_of(now())


def written_by_web(*statements):
    with connect(WEB) as database:
        for statement, values in statements:
            database.execute(statement, values)


def new_person(name, duty="security-operations"):
    names = "id, username, password, email, kind, duty, is_active, is_staff, is_superuser, created"
    values = [uuid7(), name, "!", "", "person", duty, True, False, False, now()]
    return f"INSERT INTO identity_user ({names}) VALUES ({', '.join(['%s'] * len(values))})", values


def test_a_person_written_by_sql_is_in_the_review_queue():
    written_by_web(new_person("mallory"))
    (item,) = review_rules.list_items(week=week(), only="unrecorded")
    assert (item.caller, item.object.partition("/")[0]) == (WEB, "identity_user")
    assert item.object.endswith(str(User.objects.get(username="mallory").pk))
    assert review_rules.list_items(week=week() - timedelta(days=7), only="unrecorded") == []


def test_no_setting_of_the_session_hides_it():
    settings = [
        "SET CONSTRAINTS ALL IMMEDIATE",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET search_path = pg_temp",
        "SAVEPOINT s",
    ]
    for number, before in enumerate(settings):
        statement, values = new_person(f"mallory{number}")
        written_by_web((before, []), (statement.replace("INTO ", "INTO public."), values))
    assert UnrecordedChange.objects.count() == len(settings)


def test_a_record_of_something_else_or_of_another_transaction_does_not_hide_it():
    written_by_web(record(operation="PersonPut", phase="outcome", status=200))
    written_by_web(record(operation="KeyGet", phase="outcome", status=200), new_person("mallory"))
    assert UnrecordedChange.objects.count() == 1
    written_by_web(new_person("alice"), record(operation="PersonPut", phase="outcome", status=200))
    assert UnrecordedChange.objects.count() == 1, "this one is in the log, where everybody finds it"


def test_other_changes_by_sql_are_found_as_well(people, vault):
    UnrecordedChange.objects.all().delete()
    client = people.app.id
    written_by_web(
        (
            (
                "INSERT INTO identity_clientsecret (id, application_id, salt, digest, created, expires) "
                "VALUES (%s, %s, 's', 'd', now(), now())"
            ),
            [uuid7(), client],
        ),
        ("UPDATE identity_user SET is_active = false WHERE id = %s", [client]),
        ("UPDATE vaults_vault SET production = true WHERE id = %s", [vault.pk]),
        (
            (
                "INSERT INTO identity_invitation (id, digest, duty, username, invited_by, created, expires) "
                "VALUES (%s, 'd', 'security-operations', '', '', now(), now())"
            ),
            [uuid7()],
        ),
        ("INSERT INTO identity_signingkey (id, world_name, created) VALUES (%s, 'w', now())", [uuid7()]),
        (
            (
                "INSERT INTO guardian_userobjectpermission (permission_id, content_type_id, object_pk, user_id) "
                "SELECT id, content_type_id, %s, %s FROM auth_permission WHERE codename = 'key-vault-crypto-officer' LIMIT 1"
            ),
            [str(uuid.uuid4()), client],
        ),
    )
    found = set(UnrecordedChange.objects.values_list("relation", "act", "role"))
    assert found == {
        ("identity_clientsecret", "insert", WEB),
        ("identity_user", "update", WEB),
        ("vaults_vault", "update", WEB),
        ("identity_invitation", "insert", WEB),
        ("identity_signingkey", "insert", WEB),
        ("guardian_userobjectpermission", "insert", WEB),
    }


def test_what_an_hsm_worker_completes_is_found_where_sql_began_it(vault):
    moment = now()
    key = Key.objects.create(vault=vault, name="a", folded_name="a")
    policy = {"policy": {}, "policy_created": moment, "policy_updated": moment}
    certificate = Certificate.objects.create(vault=vault, name="a", folded_name="a", **policy)
    issuer = Issuer.objects.create(vault=vault, name="a", folded_name="a", created=moment, updated=moment)
    UnrecordedChange.objects.all().delete()
    version = (
        "INSERT INTO keys_keyversion (id, version, state, custody, key_type, parameter, public_exponent, operations, "
        "exportable, enabled, tags, created, updated, key_id) "
        "VALUES (%s, '0', 'pending', 'wrapped', 'EC', 'P-256', 65537, '[]', false, true, '{}', now(), now(), %s)"
    )
    operation = (
        "INSERT INTO certificates_certificateoperation (id, version, issuer, status, status_details, error_code, "
        "cancellation_requested, enabled, tags, preserve_order, created, certificate_id) "
        "VALUES (%s, '0', 'a', 'inProgress', '', '', false, true, '{}', false, now(), %s)"
    )
    authority = "INSERT INTO certificates_issuingauthority (issuer_id, created) VALUES (%s, now())"
    copied = (
        "INSERT INTO vaults_vault SELECT (jsonb_populate_record(v, jsonb_build_object('id', %s::text, 'name', 'copy', "
        "'key_id', NULL, 'state', 'pending'))).* FROM vaults_vault v WHERE id = %s"
    )
    made, begun, copy = uuid7(), uuid7(), uuid7()
    written_by_web(
        (version, [made, key.pk]),
        (operation, [begun, certificate.pk]),
        (authority, [issuer.pk]),
        (copied, [copy, vault.pk]),
    )
    assert set(UnrecordedChange.objects.values_list("relation", "row_id", "role")) == {
        ("keys_keyversion", str(made), WEB),
        ("certificates_certificateoperation", str(begun), WEB),
        ("certificates_issuingauthority", str(issuer.pk), WEB),
        ("vaults_vault", str(copy), WEB),
    }


def test_a_key_that_our_operations_begin_has_its_record(vault):
    UnrecordedChange.objects.all().delete()
    spec = NewKey(key_type="EC", parameter="P-256", hardware=True)
    for operation in (Operation.KEY_CREATE, Operation.KEY_ROTATE, Operation.KEY_ROTATE_IF_DUE):
        grant, given = scheduled_grant(vault), {"vault": vault, "name": "a", "spec": spec, "now": now()}
        creation.start_creation(grant=grant, operation=operation, **given)
    assert list(UnrecordedChange.objects.values_list("relation", "act")) == []


def test_a_legacy_padding_that_is_turned_on_by_sql_is_found(vault):
    UnrecordedChange.objects.all().delete()
    written_by_web(("UPDATE vaults_vault SET rsa1_5 = true WHERE id = %s", [vault.pk]))
    assert list(UnrecordedChange.objects.values_list("relation", "row_id")) == [("vaults_vault", str(vault.pk))]


def test_what_our_operations_write_has_its_record(people, vault):
    UnrecordedChange.objects.all().delete()
    actors.make_organisation()
    grant = system_grant(Permission.APPLICATIONS_CREATE, origin="tests")
    application, _ = identity.create_application(grant=grant, name="robot", now=now())
    identity.add_client_secret(grant=grant, application=application, now=now())
    trust = {"issuer": "https://issuer.example", "subject": "s", "audience": "a"}
    credentials.add_trust(grant=grant, application=application, **trust, now=now())
    identity.set_application_enabled(grant=grant, application=application, enabled=False, now=now())
    inviting = system_grant(Permission.PEOPLE_INVITE, origin="tests")
    token = invitations.invite(grant=inviting, role=PersonRole.DEVELOPER, username="dave", now=now())
    invitations.accept(token=token, username="dave", password="p" * 20, request=actors.request(), now=now())
    assigning = system_grant(Permission.ROLES_ASSIGN, origin="tests")
    role = {"role": "key-vault-crypto-user", "object_type": "vault", "object_id": vault.pk}
    access.assign_role(grant=assigning, assignee=application.user_id, **role)
    group = access.create_group(grant=assigning, name="robots")
    access.set_member(grant=assigning, group=group, principal_id=application.user_id, member=True)
    access.assign_role(grant=assigning, assignee=group, **role)
    assert list(UnrecordedChange.objects.values_list("relation", "act")) == []


def test_a_session_without_a_sign_in_is_found(people):
    moment = now()
    with transaction.atomic(), connection.cursor() as cursor:  # the oldest record: an hour ago
        cursor.execute(*record(log_id=uuid.UUID(int=0), at=moment - timedelta(hours=1)))
    session = (
        "INSERT INTO usersessions_usersession (user_id, created_at, ip, last_seen_at, session_key, user_agent, data) "
        "VALUES (%s, %s, '192.0.2.1', %s, %s, '', '{}')"
    )
    written_by_web((session, [people.secops.id, moment, moment, "forged"]))
    since = datetime(moment.year, moment.month, moment.day, tzinfo=UTC) - timedelta(days=1)
    sessions = [
        item for item in unrecorded_changes.list_items(since, since + timedelta(days=3)) if "session" in item.key
    ]
    assert [item.caller for item in sessions] == [people.secops.name]


def test_nobody_who_serves_writes_or_removes_what_was_found():
    written_by_web(new_person("mallory"))
    for role in ROLES:
        for statement in (
            "DELETE FROM auditing_unrecordedchange",
            "UPDATE auditing_unrecordedchange SET at = now()",
            "TRUNCATE auditing_unrecordedchange",
            "INSERT INTO auditing_unrecordedchange (at, relation, row_id, act, role) VALUES (now(), '', '', '', '')",
            "ALTER TABLE identity_user DISABLE TRIGGER ALL",
        ):
            with connect(role) as database, pytest.raises(psycopg.errors.InsufficientPrivilege):
                database.execute(statement)
    assert UnrecordedChange.objects.count() == 1
