"""Writing and reading the trail."""

import uuid

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from apps.audit_log import writer
from apps.audit_log.operation_names import Operation
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import append_change, make_record
from apps.domain.access.denial_records import record_anonymous_denial
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.domain.access.permissions import Permission
from tests.support import actors, records

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant(vault, people):
    scope = Scope.of(vault, "key", "k", uuid.uuid4())
    return authorize(people.app, Permission.KEYS_SIGN, scope, actors.request())


@pytest.mark.stack  # the running audit worker opens the records
def test_a_record_says_who_what_where_and_when(grant, people, vault):
    append_change(grant, operation="KeyUpdate", object_id="keys/k/1", changed=["tags"])
    record = records.in_test()[-1]
    header, body = record.header, record.body
    assert (header["operation"], header["phase"], header["status"]) == ("KeyUpdate", "outcome", 200)
    assert record.caller == people.app.client_id
    assert str(people.app.id) in body["identity"]["claim"].values()
    assert (body["properties"]["vault"], header["log"], record.object_id) == (vault.name, str(vault.pk), "keys/k/1")
    assert body["callerIpAddress"] == "127.0.0.1"
    assert body["properties"]["changed"] == ["tags"]


def test_a_batch_is_one_statement(grant):
    who = (grant.principal, grant.scope, grant.request)
    writer.append([make_record(*who, operation=Operation.KEY_SIGN, object_id=f"keys/k/{n}") for n in range(100)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT cmin::text) FROM audit_event WHERE operation = 'KeySign'")
        assert cursor.fetchone() == (100, 1)


@given(text=st.text(max_size=60))
def test_text_of_a_caller_is_one_clean_line(text):
    clean = writer.sanitize_text(text)
    assert clean.isprintable() or all(
        not character.isspace() or character == " " or ord(character) > 0x9F for character in clean
    )
    clean.encode()
    assert "\n" not in clean and "\x00" not in clean and "\x1b" not in clean


@pytest.mark.stack  # the running audit worker opens the records
def test_nasty_text_is_stored_and_shown_in_one_line(grant, capsys):
    nasty = "a\r\nb\x00\x1b[31m\ud800\u2028"
    context = RequestContext(request_id=uuid.uuid4(), correlation_id=nasty, address=nasty, user_agent=nasty, uri=nasty)
    record_anonymous_denial(Scope(vault_name=nasty), context, operation="Authentication", status=401, reason=nasty)
    call_command("audit", "tail")
    last = capsys.readouterr().out.splitlines()[-1]
    assert "Authentication" in last
    assert "\x1b" not in last


@pytest.mark.stack  # the running audit worker opens the records
def test_a_flood_from_nobody_is_one_record_a_minute(vault):
    for _ in range(50):
        context = RequestContext(request_id=uuid.uuid4(), address="192.0.2.77")
        record_anonymous_denial(Scope.of(vault), context, operation="Authentication", status=401, reason="AKV10000")
    assert len(records.in_test(address="192.0.2.77")) == 1


def test_without_the_permission_there_is_no_grant(vault, people):
    for principal in (people.stranger, people.secops, people.dev, people.auditor):
        with pytest.raises(NotAuthorised):
            actors.grant_of(principal, Permission.KEYS_SIGN, vault)
    assert isinstance(actors.grant_of(people.secops, Permission.VAULTS_CREATE), Grant)
    for principal in (people.dev, people.auditor, people.app):
        with pytest.raises(NotAuthorised):
            actors.grant_of(principal, Permission.ROLES_ASSIGN)


@pytest.mark.stack  # the running audit worker opens the records
def test_tail_speaks_json(grant, capsys):
    import json

    append_change(grant, operation="KeyUpdate", object_id="keys/k/1")
    call_command("audit", "tail", "--vault", "payroll", "--json", "--limit", "1")
    record = json.loads(capsys.readouterr().out)
    found = record["properties"]
    assert (record["operationName"], found["id"], found["vault"]) == ("KeyUpdate", "keys/k/1", "payroll")
