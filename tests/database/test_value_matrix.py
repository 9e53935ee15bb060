"""Each database role, each table, each column: no value that a role can write stops those who read it."""

import re
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection

from apps.core.ids import uuid7
from tests.support.roles import OWNER, attempt, connect
from vaultportal.database_privileges import AUDITOR, PRIVILEGES, ROLES

pytestmark = pytest.mark.django_db
TABLES = [row.table for row in PRIVILEGES]
_DIGITS = "9" * 5000
_NESTED = '{"a":' * 1000 + "0" + "}" * 1000
# By type: what PostgreSQL stores, and Python cannot read or a process cannot hold.
UNREADABLE = {
    "timestamp with time zone": ["infinity", "-infinity", "10000-01-01 00:00:00+00", "0001-12-31 23:59:59+00 BC"],
    "date": ["infinity", "-infinity", "10000-01-01", "0001-12-31 BC"],
    "numeric": ["NaN"],
    "double precision": ["NaN", "Infinity", "-Infinity"],
    "jsonb": [f'{{"a": {_DIGITS}}}', f"[[-{_DIGITS}]]", "1e400", _NESTED],
}
PLAIN = {
    "boolean": "false",
    "text": "x",
    "character varying": "x",
    "uuid": "7b2e4e8a-0000-7000-8000-000000000001",
    "bigint": "1",
    "integer": "1",
    "smallint": "1",
    "timestamp with time zone": "2026-01-01 00:00:00+00",
    "date": "2026-01-01",
    "numeric": "1",
    "double precision": "1",
    "jsonb": "{}",
    "bytea": "\\x00",
    "ARRAY": "{}",
    "inet": "192.0.2.1",
    "interval": "1 day",
}
# What the columns need that do not take the plain value of their type.
VALID = {
    ("audit_event", "id"): uuid7(),
    ("audit_event", "at"): datetime.now(UTC),
    ("audit_event", "phase"): "denial",
    ("audit_event", "status"): "403",
    ("audit_event", "commitment"): "\\x" + "00" * 32,
    ("audit_event", "sealed"): "\\x" + "00" * 64,
    ("audit_datakey", "sealing_key"): "\\x" + "00" * 8,
    ("audit_datakey", "sealed"): "\\x" + "00" * 384,
    ("audit_datakey", "mac"): "\\x" + "00" * 32,
    ("auditing_task", "kind"): "check",
    ("auditing_task", "state"): "queued",
    ("worlds_protectedkey", "custody"): "wrapped",
    ("jobs_job", "state"): "queued",
    ("vaults_vault", "recoverable_days"): "90",
    ("vaults_vault", "state"): "pending",
    ("delivery_logdestination", "kind"): "s3",
    ("delivery_logdestination", "on_full"): "go-on",
    ("events_pending", "object_type"): "key",
    ("core_movableclock", "only"): "true",
    ("event_delivery_subscription", "schema"): "cloudevents",
    ("event_delivery_subscription", "types"): "[]",
    ("event_delivery_delivery", "state"): "pending",
    ("identity_organisation", "only"): "true",
    ("identity_user", "kind"): "application",
}
# A role of which a trigger allows one kind of row only.
VALID_OF = {
    (AUDITOR, "identity_user"): {"kind": "person", "duty": "auditor"},
    (AUDITOR, "identity_invitation"): {"duty": "auditor"},
}
REFUSED = (psycopg.IntegrityError, psycopg.DataError, psycopg.errors.InsufficientPrivilege)


@pytest.fixture(scope="module")
def columns(django_db_setup, django_db_blocker):
    """By table: the name, the type and whether a value is needed, of each column."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type, is_nullable = 'NO' AND column_default IS NULL "
            "AND is_identity = 'NO' FROM information_schema.columns WHERE table_name = ANY(%s)",
            [TABLES],
        )
        found = {}
        for table, *column in cursor.fetchall():
            found.setdefault(table, []).append(tuple(column))
    return found


def allowed(row, role, verb, names):
    """The columns of a table that the list allows a role to use with a verb; True: also those to come."""
    for part in re.findall(r"[A-Z]+(?: \([^)]*\))?", row[1 + ROLES.index(role)]):
        name, _, listed = part.partition(" ")
        if name == verb:
            return {column.strip(' "') for column in listed.strip("()").split(",")} if listed else set(names)
    return set()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_exactly_the_listed_privileges(db, columns, role):
    with connection.cursor() as cursor:
        for row in PRIVILEGES:
            names = [name for name, *_ in columns[row.table]]
            for verb in ("SELECT", "INSERT", "UPDATE"):
                cursor.execute(
                    "SELECT name FROM unnest(%s::text[]) AS name WHERE has_column_privilege(%s, %s, name, %s)",
                    [names, role, row.table, verb],
                )
                held = {name for (name,) in cursor.fetchall()}
                assert held == allowed(row, role, verb, names), f"{role}: {verb} {row.table}"
            cursor.execute(
                "SELECT verb FROM unnest(%s::text[]) AS verb WHERE has_table_privilege(%s, %s, verb)",
                [["DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"], role, row.table],
            )
            expected = {"DELETE"} if allowed(row, role, "DELETE", names) else set()
            assert {verb for (verb,) in cursor.fetchall()} == expected, f"{role}: {row.table}"


def insertable(role, columns):
    """(table, columns) where a role may insert a row; the owner everywhere."""
    for row in PRIVILEGES:
        names = [name for name, *_ in columns[row.table]]
        may = set(names) if role == OWNER else allowed(row, role, "INSERT", names)
        if may:
            yield row.table, [column for column in columns[row.table] if column[0] in may]


def insert(role_connection, table, values):
    names = ", ".join(f'"{name}"' for name in values)
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(["%s"] * len(values))})'
    return attempt(role_connection, statement, list(values.values()))


@pytest.mark.parametrize("role", [*ROLES, OWNER])
def test_no_role_writes_a_value_that_stops_a_reader(columns, role, django_db_blocker):
    """The owner's turn covers columns that a role can only update: constraints know no roles."""
    with django_db_blocker.unblock(), connect(role) as database:
        for table, known in insertable(role, columns):
            plain = {name: plain_value(table, name, kind) for name, kind, required in known if required}
            plain |= VALID_OF.get((role, table), {})
            assert insert(database, table, plain) is None, f"{role}: {table}"
            plain = as_another(plain, known)
            for name, kind, _ in known:
                for value in UNREADABLE.get(kind, []):
                    error = insert(database, table, plain | {name: value})
                    assert isinstance(error, REFUSED), f"{role}: {table}.{name} = {value[:40]}: {error}"
        database.rollback()


def test_no_value_is_larger_than_a_process_can_hold(columns, django_db_blocker):
    with django_db_blocker.unblock(), connect(OWNER) as database:
        for table, name, value in (
            ("core_sharedstate", "value", "to_jsonb(repeat('x', 17 << 20))"),
            ("certificates_certificateoperation", "csr", "convert_to(repeat('x', 17 << 20), 'UTF8')"),
            ("certificates_certificateoperation", "status_details", "repeat('x', 17 << 20)"),
        ):
            known = columns[table]
            plain = {column: plain_value(table, column, kind) for column, kind, required in known if required}
            plain.pop(name, None)
            names, marks = ", ".join([*plain, name]), ", ".join(["%s"] * len(plain))
            statement = f"INSERT INTO {table} ({names}) VALUES ({marks}, {value})"
            assert isinstance(attempt(database, statement, list(plain.values())), psycopg.errors.CheckViolation), name
        database.rollback()


def plain_value(table, name, kind):
    """A value that a row may have."""
    return VALID.get((table, name), PLAIN[kind])


def as_another(values, known):
    """The values with other identifiers, so that no row is refused as a second one of the same."""
    kinds = {name: kind for name, kind, _ in known}
    fresh = {name: uuid.uuid4() for name in values if kinds[name] == "uuid"}
    if "id" in fresh:
        fresh["id"] = uuid7()
    return values | fresh
