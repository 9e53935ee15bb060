"""A stored key is used only where it belongs: rows are moved and edited in the database, by each role that may."""

import os
import time
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

ROLES = ("WEB", "HSM", "JOBS", "DATABASE_OWNER")
REMEMBERED_SECONDS = 1.1  # a worker may trust a row for a second


def _connect(role):
    variable = "DATABASE_URL" if role == "DATABASE_OWNER" else f"{role}_DATABASE_URL"
    return psycopg.connect(os.environ[variable])


class _Vaults:
    """Two vaults of one world, each with keys, and requests as their application."""

    def __init__(self, stack, management):
        self.urls = [management.vault(), management.vault()]
        self._http, self._headers = stack.http(), {"Authorization": f"Bearer {stack.token()}"}
        self.keys = {}
        for number, url in enumerate(self.urls):
            for kind in ("EC-HSM", "EC", "RSA-HSM", "oct-HSM"):
                created = self.ask("POST", f"{url}/keys/{kind}-{number}/create", {"kty": kind})
                assert created.status == 200, created.data
                self.keys[kind, number] = created.json()["key"]["kid"]

    def ask(self, method, url, body=None):
        return self._http.request(method, f"{url}?api-version=7.4", json=body, headers=self._headers)

    def sign(self, kind, number):
        """The status of a signature with a key."""
        algorithm = "RS256" if kind.startswith("RSA") else "ES256"
        body = {"alg": algorithm, "value": "A" * 43}
        return self.ask("POST", f"{self.keys[kind, number]}/sign", body).status

    def version(self, kind, number):
        return self.keys[kind, number].rsplit("/", 1)[1]


@pytest.fixture(scope="module")
def vaults(stack, management):
    return _Vaults(stack, management)


@pytest.fixture(scope="module")
def owner():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def _row(owner, version):
    columns = "v.id, v.protected_id, v.key_id, k.vault_id"
    found = owner.execute(
        f"SELECT {columns} FROM keys_keyversion v JOIN keys_key k ON k.id = v.key_id WHERE v.version = %s", [version]
    )
    return dict(zip(("version", "protected", "key", "vault"), found.fetchone(), strict=True))


@contextmanager
def _changed(owner, role, statements, undo, parameters):
    """Carry out statements as a role and undo them; yields False when the database does not let the role do it."""
    with _connect(role) as connection:
        try:
            for statement in statements:
                connection.execute(statement, parameters)
            connection.commit()
        except psycopg.Error:
            connection.rollback()
            yield False
            return
    try:
        time.sleep(REMEMBERED_SECONDS)
        yield True
    finally:
        for statement in undo:
            owner.execute(statement, parameters)
        time.sleep(REMEMBERED_SECONDS)


def _incidents(owner, vault):
    return owner.execute(
        "SELECT count(*) FROM audit_incident WHERE log_id = %s AND problem = 'altered-key'", [vault]
    ).fetchone()[0]


def _records(owner, vault):
    found = owner.execute(
        "SELECT count(*) FROM audit_event WHERE log_id = %s AND operation = 'StoredKeyAltered'", [vault]
    )
    return found.fetchone()[0]


@pytest.mark.parametrize("kind", ["EC-HSM", "RSA-HSM", "EC"])
@pytest.mark.parametrize("role", ROLES)
def test_a_swapped_pointer_is_refused_and_recorded_in_both_vaults(vaults, owner, role, kind):
    ours, theirs = _row(owner, vaults.version(kind, 0)), _row(owner, vaults.version(kind, 1))
    assert vaults.sign(kind, 0) == vaults.sign(kind, 1) == 200
    names = {"ours": ours["version"], "theirs": theirs["version"]}
    names |= {"our_key": ours["protected"], "their_key": theirs["protected"]}
    point = "UPDATE keys_keyversion SET state = 'ready', protected_id = {} WHERE id = {}"
    release = "UPDATE keys_keyversion SET state = 'failed', protected_id = NULL WHERE id = %(theirs)s"  # it is unique
    swap = [release, point.format("%(their_key)s", "%(ours)s")]
    undo = [point.format("%(our_key)s", "%(ours)s"), point.format("%(their_key)s", "%(theirs)s")]
    before = [_records(owner, row["vault"]) for row in (ours, theirs)]
    with _changed(owner, role, swap, undo, names) as done:
        if done:
            assert vaults.sign(kind, 0) == 500
            assert all(_incidents(owner, row["vault"]) for row in (ours, theirs))
            after = [_records(owner, row["vault"]) for row in (ours, theirs)]
            assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1]
    wait_until(lambda: vaults.sign(kind, 0) == 200)


COLUMNS = {
    "custody": "CASE custody WHEN 'wrapped' THEN 'software' ELSE 'wrapped' END",
    "parameter": "'P-384'",
    "exportable": "NOT exportable",
    "operations": """'["sign", "encrypt"]'::jsonb""",
    "version": "md5(version)",
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("role", ROLES)
def test_an_edited_column_of_a_version_is_refused(vaults, owner, role, column):
    row = _row(owner, vaults.version("EC-HSM", 0))
    parameters = {"version": row["version"]}
    before = f"SELECT {column} FROM keys_keyversion WHERE id = %(version)s"
    parameters["before"] = owner.execute(before, parameters).fetchone()[0]
    if column == "operations":
        parameters["before"] = Jsonb(parameters["before"])
    edit = f"UPDATE keys_keyversion SET {column} = {{}} WHERE id = %(version)s"
    with _changed(owner, role, [edit.format(COLUMNS[column])], [edit.format("%(before)s")], parameters) as done:
        if done:
            url = vaults.keys["EC-HSM", 0]
            if column == "version":  # the version has another name now
                url = url.rsplit("/", 1)[0]
            body = {"alg": "ES256", "value": "A" * 43}
            assert vaults.ask("POST", f"{url}/sign", body).status >= 400
    wait_until(lambda: vaults.sign("EC-HSM", 0) == 200)


@pytest.mark.parametrize("role", ROLES)
def test_a_key_that_moves_to_another_vault_is_refused(vaults, owner, role):
    row, other = _row(owner, vaults.version("EC-HSM", 1)), _row(owner, vaults.version("EC-HSM", 0))
    move = "UPDATE keys_key SET vault_id = %({})s WHERE id = %(key)s"
    parameters = {**row, "other": other["vault"]}
    with _changed(owner, role, [move.format("other")], [move.format("vault")], parameters) as done:
        if done:
            url = vaults.keys["EC-HSM", 1].replace(vaults.urls[1], vaults.urls[0])
            assert vaults.ask("POST", f"{url}/sign", {"alg": "ES256", "value": "A" * 43}).status == 500
            assert _incidents(owner, other["vault"])
    wait_until(lambda: vaults.sign("EC-HSM", 1) == 200)


def _sets_a_secret(vaults):
    return vaults.ask("PUT", f"{vaults.urls[0]}/secrets/sealed", {"value": "v"}).status == 200


def _issues_a_certificate(vaults):
    """True when the built-in issuer, which is made with the first call, signs one."""
    base = f"{vaults.urls[0]}/certificates"
    assert vaults.ask("PUT", f"{base}/issuers/own", {"provider": "VaultPortal"}).status == 200
    policy = {"issuer": {"name": "own"}, "x509_props": {"subject": "CN=a"}, "key_props": {"kty": "EC", "crv": "P-256"}}
    assert vaults.ask("POST", f"{base}/issued/create", {"policy": policy}).status == 202

    def status():
        result = vaults.ask("GET", f"{base}/issued/pending").json()["status"]
        return result != "inProgress" and result

    return wait_until(status, "an end of the operation") == "completed"


# A pointer in another table than that of key versions: the column and the row, the kind of the other key, and its use.
POINTERS = {
    "vault": ("vaults_vault", "key_id", "id = %(vault)s", "oct-HSM", _sets_a_secret),
    "issuer": (
        *("certificates_issuingauthority", "protected_id"),
        "issuer_id = (SELECT id FROM certificates_issuer WHERE vault_id = %(vault)s)",
        *("EC-HSM", _issues_a_certificate),
    ),
}


@pytest.mark.parametrize("pointer", POINTERS)
@pytest.mark.parametrize("role", ROLES)
def test_a_vault_or_an_issuer_that_points_to_a_key_of_another_vault_uses_none(vaults, owner, role, pointer):
    table, column, row, kind, works = POINTERS[pointer]
    assert works(vaults)
    ours = _row(owner, vaults.version(kind, 0))["vault"]
    parameters = {"vault": ours, "theirs": _row(owner, vaults.version(kind, 1))["protected"]}
    parameters["ours"] = owner.execute(f"SELECT {column} FROM {table} WHERE {row}", parameters).fetchone()[0]
    point = f"UPDATE {table} SET {column} = %({{}})s WHERE {row}"
    before = _records(owner, ours)
    with _changed(owner, role, [point.format("theirs")], [point.format("ours")], parameters) as done:
        assert done or role != "DATABASE_OWNER"
        if done:
            assert not works(vaults)
            assert _incidents(owner, ours)
            assert _records(owner, ours) > before
    wait_until(lambda: works(vaults), "that it works again")
