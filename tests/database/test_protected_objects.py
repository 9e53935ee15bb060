"""Each role tries every statement on what a vault with purge protection holds: all of it stays as it is."""

import uuid
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from apps.audit_log.models import AuditKey
from apps.core.clock import now
from apps.domain.certificates.models import Certificate, CertificateVersion, Issuer, IssuingAuthority
from apps.domain.identity.models import SigningKey
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.security_worlds.models import ProtectedKey, Rebinding, SecurityWorld
from apps.domain.vaults.models import Vault
from tests.support.roles import OWNER, attempt, connect
from vaultportal.database_privileges import HSM, JOBS, ROLES, WEB

pytestmark = pytest.mark.django_db
# By table: the columns that nobody who serves changes, once they have a value.
KEPT = {
    "vaults_vault": "id, name, world_id, key_id, state, purge_protection, recoverable_days, test",
    "keys_key": "id, vault_id, name, folded_name, current_id, deleted, purge_after, origin",
    "keys_keyversion": "id, key_id, version, state, protected_id, custody, key_type, parameter, exportable",
    "secrets_secret": "id, vault_id, name, folded_name, current_id, deleted, purge_after, origin",
    "secrets_secretversion": "id, secret_id, version, sealed, created",
    "certificates_certificate": "id, vault_id, name, folded_name, current_id, deleted, purge_after, origin",
    "certificates_certificateversion": "id, certificate_id, version, key_version_id, secret_version_id, cer",
    "worlds_protectedkey": "*",
}
OBJECTS = ("keys_key", "secrets_secret", "certificates_certificate")
VALUES = (
    "NULL",
    "DEFAULT",
    "'infinity'",
    "'-infinity'",
    "now()",
    "now() - interval '1 day'",
    "now() + interval '100 years'",
    "''",
    "'x'",
    "'failed'",
    "false",
    "true",
    "7",
    "-1",
    "'\\x00'",
    "'{}'",
    "gen_random_uuid()",
    "(SELECT id FROM vaults_vault WHERE name = 'open')",
)


class Place:
    """A protected vault with one live and one deleted object of each kind, and another vault."""

    def __init__(self):
        self.world = SecurityWorld.objects.create(name="w", geography="g", region="r", generation=1, created=now())
        fields = {"world": self.world, "state": "ready", "created": now()}
        self.vault = Vault.objects.create(name="kept", key=self.material(), purge_protection=True, **fields)
        self.open = Vault.objects.create(name="open", key=self.material(), **fields)
        self.changing = Vault.objects.create(name="changing", key=self.material(), **fields)
        self.live, self.deleted = self.objects("live"), self.objects("deleted")
        self.purgeable = self.objects("purgeable", self.changing)
        for row in (*self.deleted, *self.purgeable):
            row.deleted, row.purge_after = now() - timedelta(days=1), now() + timedelta(days=89)
            row.save(update_fields=["deleted", "purge_after"])
        self.ordinary = self.objects("ordinary", self.open)
        self.audit_key, self.unused = self.material(), self.material()
        AuditKey.objects.create(purpose="signing", protected_id=self.audit_key.pk, public_key=b"p", created=now())
        self.signing = SigningKey.objects.create(protected=self.material(), world_name="w", created=now())
        issuer = Issuer.objects.create(
            vault=self.vault, name="i", folded_name="i", provider="Internal", created=now(), updated=now()
        )
        self.authority = IssuingAuthority.objects.create(issuer=issuer, protected=self.material(), created=now())

    def material(self):
        return ProtectedKey.objects.create(
            world=self.world, generation=1, custody="wrapped", name="n", version=uuid.uuid4().hex, key_type="EC",
            parameter="P-256", operations=["sign"], public_key=b"p", blob=b"b", mac=b"m",
        )  # fmt: skip

    def objects(self, name, vault=None):
        named = {"vault": vault or self.vault, "name": name, "folded_name": name}
        times = {"created": now(), "updated": now()}
        dates = {"not_before": now(), "expires": now()}
        key, secret = Key.objects.create(**named), Secret.objects.create(**named)
        policy = {"policy": {}, "policy_created": now(), "policy_updated": now()}
        certificate = Certificate.objects.create(**named, **policy)
        key.current = KeyVersion.objects.create(
            key=key, version="1", state="ready", protected=self.material(), custody="wrapped", key_type="EC",
            parameter="P-256", operations=["sign"], **times,
        )  # fmt: skip
        secret.current = SecretVersion.objects.create(secret=secret, version="1", sealed=b"s", **times)
        certificate.current = CertificateVersion.objects.create(
            certificate=certificate, version="1", key_version=key.current, secret_version=secret.current, cer=b"c",
            **times, **dates,
        )  # fmt: skip
        for row in (key, secret, certificate):
            row.save()
        return key, secret, certificate

    def state(self):
        """All that must stay, read by the owner."""
        with connection.cursor() as cursor:
            found = {}
            for table, columns in KEPT.items():
                where = "WHERE name = 'kept'" if table == "vaults_vault" else ""  # another may become protected
                cursor.execute(f"SELECT {columns} FROM {table} {where} ORDER BY id")
                found[table] = [tuple(map(_plain, row)) for row in cursor.fetchall()]
        return found


def _plain(value):
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.fixture(scope="module")
def place(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        yield Place()
        with connection.cursor() as cursor:
            for table in KEPT:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(
                f"TRUNCATE {', '.join(KEPT)}, worlds_securityworld, worlds_rebinding, audit_auditkey CASCADE"
            )
            for table in KEPT:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def run(role, *statements):
    """Carry out the statements in one transaction that is committed; the error, or None."""
    with connect(role) as database:
        try:
            for statement, values in statements:
                database.execute(statement, values)
            database.commit()
        except psycopg.Error as error:
            database.rollback()
            return error
    return None


@pytest.mark.parametrize("role", ROLES)
def test_each_value_in_each_column_and_each_deletion_leaves_everything_as_it_is(place, role):
    before = place.state()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = ANY(%s)", [list(KEPT)]
        )
        columns = cursor.fetchall()
    kept = {table: set(text.split(", ")) for table, text in KEPT.items()}
    with connect(role) as database:
        for table, column in columns:
            if column not in kept[table] and kept[table] != {"*"}:
                continue
            if _attempt(database, f'UPDATE {table} SET "{column}" = "{column}"') == "42501":
                continue  # the role has no such privilege, or every change of such a row is refused
            for value in VALUES:
                _attempt(database, f'UPDATE {table} SET "{column}" = {value}')
        for table in KEPT:
            _attempt(database, f"DELETE FROM {table}")
            _attempt(database, f"TRUNCATE {table} CASCADE")
    assert place.state() == before


def _attempt(database, statement):
    """Carry out a statement and commit it; the SQLSTATE of its error, or None."""
    try:
        database.execute(statement)
        database.commit()
    except psycopg.Error as error:
        database.rollback()
        return error.sqlstate
    return None


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("table", OBJECTS)
def test_no_sequence_of_statements_removes_what_is_protected(place, role, table):
    before, version = place.state(), f"{table}version"
    owner_column = table.rpartition("_")[2] + "_id"
    due = "deleted = now() - interval '91 days', purge_after = now() - interval '1 day'"
    nothing = []
    for prepare in (
        [f"UPDATE {table} SET current_id = NULL, {due}"],
        [f"UPDATE {table} SET {due}"],
        [
            f"UPDATE {table} SET deleted = NULL, purge_after = NULL WHERE deleted IS NOT NULL",
            f"UPDATE {table} SET {due}",
        ],
        ["UPDATE vaults_vault SET purge_protection = false"],
        [f"UPDATE {table} SET vault_id = (SELECT id FROM vaults_vault WHERE name = 'open')"],
        [f"UPDATE {version} SET {owner_column} = gen_random_uuid()"],
        ["UPDATE keys_keyversion SET state = 'failed', protected_id = NULL"],
        ["SET TimeZone = 'Pacific/Kiritimati'", f"UPDATE {table} SET {due}"],
        ["SET session_replication_role = replica"],
    ):
        ending = [f"DELETE FROM {version}", f"DELETE FROM {table}", "DELETE FROM worlds_protectedkey"]
        error = run(role, *((statement, nothing) for statement in [*prepare, *ending]))
        assert error is not None
    assert place.state() == before


def test_the_ordinary_operations_are_possible(place):
    """Delete, recover, delete, and purge where the vault is not protected, as the web process does it."""
    unprotect = "UPDATE vaults_vault SET purge_protection = false WHERE name = 'open'"
    assert run(OWNER, (unprotect, [])) is None
    key, _, certificate = place.ordinary
    dates = "UPDATE keys_key SET deleted = %s, purge_after = %s WHERE id = %s"
    day = now() + timedelta(days=90)
    moment = day - timedelta(days=90)
    assert run(WEB, (dates, [moment, day, key.pk])) is None
    assert run(WEB, (dates, [None, None, key.pk])) is None
    early = (dates, [moment, day - timedelta(seconds=1), key.pk])
    assert isinstance(run(WEB, early), psycopg.errors.InsufficientPrivilege)
    assert run(WEB, (dates, [moment, day, key.pk])) is None
    certificate_dates = dates.replace("keys_key", "certificates_certificate")
    assert run(WEB, (certificate_dates, [moment, day, certificate.pk])) is None
    removal = [
        ("UPDATE certificates_certificate SET current_id = NULL WHERE id = %s", [certificate.pk]),
        ("DELETE FROM certificates_certificateversion WHERE certificate_id = %s", [certificate.pk]),
        ("DELETE FROM certificates_certificate WHERE id = %s", [certificate.pk]),
        ("UPDATE keys_key SET current_id = NULL WHERE id = %s", [key.pk]),
        ("DELETE FROM keys_keyversion WHERE key_id = %s", [key.pk]),
        ("DELETE FROM worlds_protectedkey WHERE id = %s", [key.current.protected_id]),
        ("DELETE FROM keys_key WHERE id = %s", [key.pk]),
    ]
    assert run(WEB, *removal) is None


def test_the_web_process_stores_only_key_material_that_an_hsm_worker_made(place):
    protected = place.live[0].current.protected
    store = "UPDATE worlds_protectedkey SET operations = %s, blob = %s, mac = %s WHERE id = %s"
    values = [["verify"], b"new", b"mac", protected.pk]
    assert isinstance(run(WEB, (store, values)), psycopg.errors.InsufficientPrivilege)
    made = "INSERT INTO worlds_rebinding (operations, blob, mac, protected_id) VALUES (%s, %s, %s, %s)"
    assert isinstance(run(WEB, (made, values)), psycopg.errors.InsufficientPrivilege)
    assert run(HSM, (made, values)) is None
    assert isinstance(
        run(WEB, (store, [["verify"], b"old", b"mac", protected.pk])), psycopg.errors.InsufficientPrivilege
    )
    assert run(WEB, (store, values)) is None
    assert Rebinding.objects.filter(pk=protected.pk).exists()


def test_the_keys_of_the_audit_log_are_not_removed(place):
    for role in (WEB, JOBS, OWNER):
        error = run(role, ("DELETE FROM worlds_protectedkey WHERE id = %s", [place.audit_key.pk]))
        assert isinstance(error, psycopg.errors.InsufficientPrivilege)


@pytest.mark.parametrize("role", [WEB, JOBS])
def test_a_key_that_is_named_is_not_deleted_before_another_takes_its_place(place, role):
    """The foreign keys are looked at when the transaction ends, and are satisfied by any key with the same id."""
    before = place.state()
    users = (place.live[0].current, place.signing, place.authority)
    for pk in (place.vault.key_id, *(user.protected_id for user in users)):
        with connect(role) as database:
            error = attempt(database, "DELETE FROM worlds_protectedkey WHERE id = %s", [pk])
            assert isinstance(error, psycopg.errors.ForeignKeyViolation)
    assert place.state() == before


def test_no_statement_exchanges_a_key_that_is_named(place):
    columns = (
        "id, world_id, generation, custody, name, version, key_type, parameter, operations, exportable, public_key"
    )
    exchange = f"""
        WITH gone AS (DELETE FROM worlds_protectedkey WHERE id = %s RETURNING *)
        INSERT INTO worlds_protectedkey ({columns}, blob, mac) SELECT {columns}, 'x', 'y' FROM gone
    """
    before, pk = place.state(), place.live[0].current.protected_id
    assert isinstance(run(WEB, (exchange, [pk])), psycopg.errors.ForeignKeyViolation)
    assert place.state() == before


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_key_is_not_deleted_by_what_was_true_earlier(place, level):
    """A transaction that began before something named the key would not see that it does."""
    key = place.unused
    for role in (WEB, JOBS):
        with connect(role) as database:
            database.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
            error = attempt(database, "DELETE FROM worlds_protectedkey WHERE id = %s", [key.pk])
            assert isinstance(error, psycopg.errors.InsufficientPrivilege)
            database.rollback()
            assert attempt(database, "DELETE FROM worlds_protectedkey WHERE id = %s", [key.pk]) is None
            database.rollback()


PROTECT = "UPDATE vaults_vault SET purge_protection = %s WHERE name = 'changing'"


def removals(place, table):
    """The statements that remove an object of the vault that may become protected, and its versions."""
    row = place.purgeable[OBJECTS.index(table)]
    column = f"{table.rpartition('_')[2]}_id"
    return [f"DELETE FROM {table}version WHERE {column} = '{row.pk}'", f"DELETE FROM {table} WHERE id = '{row.pk}'"]


@pytest.mark.parametrize("role", [WEB, JOBS])
@pytest.mark.parametrize("table", OBJECTS)
def test_an_old_snapshot_removes_nothing_that_was_protected_or_recovered_since(place, table, role):
    pk = place.purgeable[OBJECTS.index(table)].pk
    dates = f"UPDATE {table} SET deleted = %s, purge_after = %s WHERE id = %s"
    deleted = (dates, [now(), now() + timedelta(days=90), pk])
    for change in ((PROTECT, [True]), (dates, [None, None, pk])):
        assert run(OWNER, (PROTECT, [False]), deleted) is None
        with connect(role) as database:
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            database.execute("SELECT id FROM vaults_vault")
            assert run(OWNER, change) is None
            for removal in removals(place, table):
                assert isinstance(attempt(database, removal), psycopg.errors.SerializationFailure), removal
            database.rollback()
    assert run(OWNER, (PROTECT, [False]), deleted) is None


@pytest.mark.parametrize("role", [WEB, JOBS])
@pytest.mark.parametrize("table", OBJECTS)
def test_nobody_protects_or_recovers_what_a_transaction_is_removing(place, table, role):
    pk = place.purgeable[OBJECTS.index(table)].pk
    recover = (f"UPDATE {table} SET deleted = NULL, purge_after = NULL WHERE id = %s", [pk])
    assert run(OWNER, (PROTECT, [False])) is None
    with connect(role) as database:
        for removal in removals(place, table):
            assert database.execute(removal).rowcount == 1
            for change in ((PROTECT, [True]), recover):
                error = run(OWNER, ("SET LOCAL lock_timeout = '100ms'", []), change)
                assert isinstance(error, psycopg.errors.LockNotAvailable)
        database.rollback()


def test_no_guard_uses_the_time_at_which_a_transaction_began(django_db_setup):
    """It may be long ago. Retention's functions may: an earlier time removes less."""
    with connection.cursor() as cursor:
        began = r"\m(now|transaction_timestamp)\(\)|\m(current_timestamp|localtimestamp)\M"
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosrc ~* %s", [began]
        )
        assert {name for (name,) in cursor.fetchall()} == {"audit_forget", "audit_drop_empty_days"}
        cursor.execute("SELECT policyname FROM pg_policies WHERE with_check ~* %s OR qual ~* %s", [began, began])
        assert cursor.fetchall() == []
