"""A hostile process with the database role of the web: it inserts jobs, for which an HSM worker works and records."""

import json
import os
import time
import uuid

import psycopg
import pytest

from apps.core.ids import uuid7

pytestmark = pytest.mark.stack

OPEN = ("queued", "running")
_VERSION = """
    INSERT INTO keys_keyversion (id, version, state, custody, key_type, parameter, public_exponent, operations,
        exportable, enabled, tags, created, updated, key_id)
    SELECT %(id)s, %(version)s, 'pending', custody, key_type, parameter, public_exponent, operations, exportable,
        enabled, tags, now(), now(), key_id FROM keys_keyversion WHERE id = %(like)s"""
_JOB = """
    INSERT INTO jobs_job (id, kind, world, subject_type, subject_id, "grant", state, sent, attempts, error, message,
        created)
    VALUES (%s, %s, 'europe', 'x', %s, %s, 'queued', now() - interval '1 hour', 0, '', '', now())"""


@pytest.fixture(scope="module")
def web():
    """The database as the web process."""
    with psycopg.connect(os.environ["WEB_DATABASE_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture
def created(stack, web):
    """Create a key as its caller does. Returns its genuine, finished job: (id of the version, facts of its caller)."""

    def create():
        name = f"jobs-{os.urandom(4).hex()}"
        url = f"{stack.vault_url}/keys/{name}/create?api-version=7.4"
        headers = {"Authorization": f"Bearer {stack.token()}"}
        answer = stack.http().request("POST", url, json={"kty": "EC-HSM"}, headers=headers)
        assert answer.status == 200, answer.data
        return web.execute(
            """SELECT subject_id, "grant" FROM jobs_job WHERE "grant" ->> 'object_id' LIKE %s""", [f"keys/{name}/%"]
        ).fetchone()

    return create


@pytest.fixture
def insert_job(web):
    """Insert a job by SQL. Returns its id."""

    def insert(kind, subject, facts):
        job = uuid7()
        web.execute(_JOB, [job, kind, subject, json.dumps(facts)])
        return job

    return insert


@pytest.fixture
def state_of(web):
    """The state, the error and the number of attempts of a job."""
    return lambda job: web.execute("SELECT state, error, attempts FROM jobs_job WHERE id = %s", [job]).fetchone()


@pytest.fixture
def end_of(state_of):
    """The same when the job has ended, after a minute at the latest."""

    def wait(job):
        until = time.monotonic() + 60
        while (state := state_of(job))[0] in OPEN and time.monotonic() < until:
            time.sleep(0.2)
        return state

    return wait


@pytest.fixture
def ended(insert_job, end_of):
    """Insert a job and wait until it has ended: its state and error."""
    return lambda *job: end_of(insert_job(*job))[:2]


def begun(web, like):
    """A pending version of the same key as another, written by SQL: its id and version."""
    version = {"id": uuid7(), "version": uuid.uuid4().hex, "like": like}
    web.execute(_VERSION, version)
    return version["id"], version["version"]


def outcomes(owner, facts):
    return owner.execute(
        "SELECT operation, status FROM audit_event WHERE request_id = %s AND phase = 'outcome'",
        [uuid.UUID(facts["request_id"])],
    ).fetchall()


def incidents(owner, subject):
    return owner.execute(
        "SELECT count(*) FROM audit_incident WHERE problem = 'refused-job' AND sentence LIKE %s", [f"%{subject}%"]
    ).fetchone()[0]


@pytest.mark.parametrize("operation", ["KeySign", "SecretGet", "KeyDecrypt", "Authentication", "Bad\nName"])
def test_no_job_records_a_use_that_did_not_happen(web, owner, created, ended, operation):
    genuine, facts = created()
    pk, version = begun(web, genuine)
    object_id = facts["object_id"].rpartition("/")[0] + f"/{version}"
    false = {**facts, "operation": operation, "object_id": object_id}
    assert ended("hsm.generate_key", pk, false) == ("failed", "JobRefused")
    assert outcomes(owner, facts) == [("KeyCreate", 200)], "that of the genuine creation"
    assert incidents(owner, pk) == 1
    found = web.execute("SELECT state, protected_id FROM keys_keyversion WHERE id = %s", [pk]).fetchone()
    assert found == ("pending", None)


@pytest.mark.parametrize(
    "changes", [{"caller": "innocent"}, {"request_id": uuid.uuid4().hex}, {"object_id": "keys/x/0"}, {"a": 1}], ids=str
)
def test_no_key_is_created_in_the_name_of_somebody_who_did_not_ask_for_it(web, owner, created, ended, changes):
    genuine, facts = created()
    pk, _version = begun(web, genuine)
    assert ended("hsm.generate_key", pk, {**facts, **changes}) == ("failed", "JobRefused")
    assert incidents(owner, pk) == 1


def test_a_version_for_an_attempt_of_the_same_key_is_in_the_review_queue(web, owner, created, ended):
    """What remains: the caller did ask for a key of this name, and gets a second version that nobody asked for."""
    genuine, facts = created()
    pk, version = begun(web, genuine)
    object_id = facts["object_id"].rpartition("/")[0] + f"/{version}"
    assert ended("hsm.generate_key", pk, {**facts, "object_id": object_id}) == ("done", "")
    found = owner.execute(
        "SELECT relation, role FROM auditing_unrecordedchange WHERE row_id = %s", [str(pk)]
    ).fetchall()
    assert found == [("keys_keyversion", "vault_web")]


def test_a_vault_keeps_its_key(web, owner, created, ended):
    _, facts = created()
    vault = "SELECT id, key_id, name FROM vaults_vault WHERE name = 'demo-europe'"
    before = web.execute(vault).fetchone()
    false = {**facts, "operation": "VaultPut", "vault_id": "", "vault_name": "", "object_id": "vaults/demo-europe"}
    assert ended("hsm.create_vault_key", before[0], false) == ("failed", "JobRefused")
    assert web.execute(vault).fetchone() == before
    assert incidents(owner, before[0]) >= 1


def test_a_job_whose_result_is_never_stored_ends_and_others_are_served_meanwhile(
    web, owner, created, insert_job, state_of, end_of
):
    genuine, facts = created()
    pk, version = begun(web, genuine)
    object_id = facts["object_id"].rpartition("/")[0] + f"/{version}"
    owner.execute(
        f"ALTER TABLE keys_keyversion ADD CONSTRAINT poison CHECK (id <> '{pk}' OR state <> 'ready') NOT VALID"
    )
    try:
        poisoned = insert_job("hsm.generate_key", pk, {**facts, "object_id": object_id})
        created()
        assert state_of(poisoned)[0] in OPEN, "the other one did not wait for it"
        assert end_of(poisoned) == ("failed", "JobRefused", 5)
    finally:
        owner.execute("ALTER TABLE keys_keyversion DROP CONSTRAINT poison")
    assert outcomes(owner, facts) == [("KeyCreate", 200)], "that of the genuine creation"
    assert incidents(owner, pk) == 1
    assert web.execute("SELECT state FROM keys_keyversion WHERE id = %s", [pk]).fetchone() == ("failed",)
