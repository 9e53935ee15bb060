"""What the row of a job may say before an HSM worker records it: the rows are those of a process under control."""

import uuid

import pytest

from apps.audit_log.models import Incident
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION
from apps.core import clock
from apps.core.ids import min_uuid7_at
from apps.core.sql import select
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant, system_grant
from apps.domain.certificates.models import Certificate, CertificateOperation, Issuer, IssuingAuthority
from apps.domain.hsm_client import client
from apps.domain.hsm_client.client import JobRefused, SubjectGone
from apps.domain.hsm_client.models import Job
from apps.domain.identity.models import SigningKey
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.operations.creation import start_creation
from apps.domain.keys.rules import NewKey
from apps.workers.hsm_worker import job_facts, tasks
from apps.workers.hsm_worker.job_facts import Place, check_place, read_facts

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(vault):
    """A genuine job that creates a key version, with its attempt."""
    spec = NewKey(key_type="EC", parameter="P-256", hardware=True)
    grant, now = scheduled_grant(vault), clock.now()
    made, _ = start_creation(
        grant=grant, vault=vault, name="master", spec=spec, operation=Operation.KEY_CREATE, now=now
    )
    return made


def submitted(kind, operation, subject_id, object_id, vault=None):
    grant = scheduled_grant(vault) if vault else system_grant(Permission.VAULTS_CREATE, origin="tests")
    subject = ("subject", subject_id)
    return client.submit(
        grant=grant,
        kind=kind,
        operation=operation,
        world="europe",
        subject=subject,
        object_id=object_id,
        now=clock.now(),
    )


def changed(job, **changes):
    """The job with other facts, in memory and in its row."""
    job.grant = {**job.grant, **changes}
    Job.objects.filter(pk=job.pk).update(grant=job.grant, kind=job.kind, attempts=job.attempts)
    return job


def records(request_id=None):
    """(operation, phase, status, log) of the records, of one request or of all."""
    found = select("SELECT operation, phase, status, log_id, request_id FROM audit_event ORDER BY id")
    return [tuple(row[:4]) for row in found if request_id in (None, row[4])]


def test_the_facts_of_each_kind_of_job_are_accepted_as_our_operations_write_them(job, vault):
    assert read_facts(job).object_id.startswith("keys/master/")
    for operation in (Operation.KEY_ROTATE, Operation.KEY_ROTATE_IF_DUE):
        read_facts(submitted("hsm.generate_key", operation, uuid.uuid4(), "keys/a/0", vault))
    for operation in (Operation.CERTIFICATE_CREATE, Operation.CERTIFICATE_RENEW):
        read_facts(submitted("hsm.make_certificate", operation, uuid.uuid4(), "certificates/a/0", vault))
    read_facts(submitted("hsm.create_vault_key", Operation.VAULT_PUT, vault.pk, "vaults/payroll"))
    read_facts(submitted("hsm.create_signing_key", Operation.SIGNING_KEY_CREATE, vault.pk, "signing-keys/0"))
    issuer = "certificates/issuers/a"
    read_facts(submitted("hsm.create_issuing_authority", Operation.CERTIFICATE_ISSUER_SET, vault.pk, issuer, vault))
    assert set(job_facts.OPERATIONS) == set(tasks.JOBS)


@pytest.mark.parametrize("kind", tasks.JOBS)
def test_a_job_has_the_operations_of_its_kind_and_no_other(kind, vault):
    accepted = set()
    for operation in Operation:
        try:
            read_facts(submitted(kind, operation, vault.pk, "keys/a/0", vault))
        except JobRefused:
            continue
        accepted.add(operation)
    assert accepted == job_facts.OPERATIONS[kind]
    assert all(operation.category not in ("use", "reveal", "sign-in", "log") for operation in accepted)


MALFORMED = [
    {"operation": "Bad\nName"},
    {"operation": 1},
    {"vault_id": "x"},
    {"vault_id": str(uuid.uuid4())},
    {"caller_id": ""},
    {"request_id": "0"},
    {"request_id": None},
    {"phase": "outcome"},
    {"detail": {}},
    {"detail": "uri"},
    {"detail": {"uri": "", "clientInfo": "", "apiVersion": "", "principalKind": "god"}},
    {"detail": {"uri": "", "clientInfo": "", "apiVersion": "", "principalKind": 1}},
    {"detail": {"uri": "", "clientInfo": "", "apiVersion": "", "principalKind": "system", "httpStatusCode": "200"}},
]


@pytest.mark.parametrize("changes", MALFORMED, ids=str)
def test_malformed_facts_are_refused(job, changes):
    with pytest.raises(JobRefused):
        read_facts(changed(job, **changes))


@pytest.mark.parametrize("grant", [{}, {"a": 1}, [], None, "text", 7], ids=str)
def test_what_are_no_facts_is_refused(job, grant):
    job.grant = grant
    with pytest.raises(JobRefused, match="malformed"):
        read_facts(job)


def test_without_the_attempt_of_this_caller_nothing_is_recorded(job, vault):
    of_another = {
        "caller": "mallory",
        "request_id": uuid.uuid4().hex,
        "operation": "KeyRotate",
        "object_id": "keys/another/0",
    }
    for name, value in of_another.items():
        genuine = job.grant[name]
        with pytest.raises(JobRefused, match="no attempt"):
            read_facts(changed(job, **{name: value}))
        changed(job, **{name: genuine})
    with pytest.raises(JobRefused, match="no attempt"):
        read_facts(changed(job, vault_id="", vault_name=""))
    changed(job, vault_id=vault.pk.hex, vault_name=vault.name)
    read_facts(job)
    for far in (min_uuid7_at(0), min_uuid7_at(clock.now().timestamp() - 3 * 86_400), uuid.UUID(int=2**128 - 1)):
        job.pk = far
        with pytest.raises(JobRefused, match="no attempt"):
            read_facts(job)


def test_the_vault_has_the_name_of_the_record(job):
    with pytest.raises(JobRefused, match="vault"):
        read_facts(changed(job, vault_name="another"))
    with pytest.raises(JobRefused, match="vault"):
        read_facts(changed(job, vault_id=uuid.uuid4().hex))


def test_the_record_names_what_the_job_makes(job, vault):
    facts = read_facts(job)
    check_place(facts, Place(vault, facts.object_id))
    for place in (Place(None, facts.object_id), Place(vault, "keys/another/0"), Place(vault, "keys/master")):
        with pytest.raises(JobRefused):
            check_place(facts, place)


def ended(job):
    tasks.run_job(job_id=str(job.pk))
    job.refresh_from_db()
    return job.state, job.error


@pytest.mark.parametrize(
    "changes", [{"operation": "KeySign"}, {"operation": "SecretGet"}, {"caller": "mallory"}, {"phase": "x"}], ids=str
)
def test_a_refused_job_makes_nothing_and_is_an_incident_without_the_caller(job, changes):
    request_id = uuid.UUID(job.grant["request_id"])
    changed(job, **changes)
    assert ended(job) == (Job.State.FAILED, "JobRefused")
    assert KeyVersion.objects.get(pk=job.subject_id).state == KeyVersion.State.PENDING
    assert [row[1] for row in records(request_id)] == ["attempt"]
    assert records()[-1] == (Operation.JOB_REFUSED, "denial", 500, ORGANISATION)
    incident = Incident.objects.get()
    assert (incident.problem, incident.log_id) == (Incident.REFUSED_JOB, ORGANISATION)
    assert "Nothing was made." in incident.sentence and "mallory" not in incident.sentence


def test_a_job_of_another_object_is_an_incident_of_its_vault(job, vault):
    other = KeyVersion.objects.get(pk=job.subject_id)
    other.pk, other.version = uuid.uuid4(), "0" * 32
    other.save(force_insert=True)
    Job.objects.filter(pk=job.pk).update(subject_id=other.pk)
    assert ended(job) == (Job.State.FAILED, "JobRefused")
    assert Incident.objects.get().log_id == vault.pk
    other.refresh_from_db()
    assert other.state == KeyVersion.State.PENDING, "the row may be that of a genuine job"


def test_an_object_that_was_purged_is_a_failure_of_the_caller_and_no_incident(job):
    request_id = uuid.UUID(job.grant["request_id"])
    now = clock.now()
    Key.objects.filter(versions=job.subject_id).update(deleted=now, purge_after=now)
    KeyVersion.objects.filter(pk=job.subject_id).delete()
    assert ended(job) == (Job.State.FAILED, "SubjectGone")
    assert [row[:3] for row in records(request_id)][-1] == ("KeyCreate", "outcome", 503)
    assert not Incident.objects.exists()


def test_no_job_makes_a_second_key_of_what_has_one(job, vault):
    version = KeyVersion.objects.get(pk=job.subject_id)
    KeyVersion.objects.filter(pk=version.pk).update(state="ready", protected=vault.key)
    with pytest.raises(JobRefused):
        tasks.JOBS["hsm.generate_key"](job)
    with pytest.raises(JobRefused):
        tasks.JOBS["hsm.create_vault_key"](Job(subject_id=vault.pk))
    signing_key = SigningKey.objects.create(world_name=vault.world.name, created=clock.now(), protected=vault.key)
    with pytest.raises(JobRefused):
        tasks.JOBS["hsm.create_signing_key"](Job(subject_id=signing_key.pk))
    KeyVersion.objects.filter(pk=version.pk).update(state="failed", protected=None)
    with pytest.raises(SubjectGone):
        tasks.JOBS["hsm.generate_key"](job)


def test_a_second_job_of_an_issuer_leaves_its_authority(vault):
    now = clock.now()
    issuer = Issuer.objects.create(vault=vault, name="a", folded_name="a", created=now, updated=now)
    row = IssuingAuthority.objects.create(issuer=issuer, protected=vault.key, cer=b"der", created=now)
    work = tasks.JOBS["hsm.create_issuing_authority"](Job(subject_id=issuer.pk))
    work.commit(work.execute(None))
    row.refresh_from_db()
    assert (row.protected_id, bytes(row.cer)) == (vault.key_id, b"der")


@pytest.fixture
def certificate(job, vault):
    """An operation on a certificate whose key version is pending, and the version."""
    now = clock.now()
    version = KeyVersion.objects.select_related("key").get(pk=job.subject_id)
    Key.objects.filter(pk=version.key_id).update(managed=True)
    row = Certificate.objects.create(
        vault=vault, name="master", folded_name="master", policy={}, policy_created=now, policy_updated=now
    )
    place = {"certificate": row, "version": version.version, "key_version": version}
    return CertificateOperation.objects.create(issuer="Self", created=now, **place), version


def test_a_certificate_is_made_with_its_own_pending_key(job, certificate, vault):
    operation, version = certificate
    work, made = tasks.JOBS["hsm.make_certificate"], Job(subject_id=operation.pk)
    with pytest.raises(JobRefused, match="together with its certificate"):
        tasks.JOBS["hsm.generate_key"](job)
    for row, changes, undo in (
        (KeyVersion.objects.filter(pk=version.pk), {"version": "0" * 32}, {"version": version.version}),
        (Key.objects.filter(pk=version.key_id), {"folded_name": "other"}, {"folded_name": "master"}),
        (Key.objects.filter(pk=version.key_id), {"managed": False}, {"managed": True}),
        (KeyVersion.objects.filter(pk=version.pk), {"protected": vault.key}, {"protected": None}),
    ):
        row.update(**changes)
        with pytest.raises(JobRefused):
            work(made)
        row.update(**undo)
    assert work(made).place == Place(vault, f"certificates/master/{version.version}")


def test_a_job_that_ended_its_worker_each_time_is_given_up(job):
    job.attempts = tasks.MOST_ATTEMPTS
    assert ended(changed(job)) == (Job.State.FAILED, "JobRefused")
    assert "attempts" in Incident.objects.get().sentence
    assert KeyVersion.objects.get(pk=job.subject_id).state == KeyVersion.State.FAILED


@pytest.mark.parametrize("attempts", [0, 32767])
def test_each_claim_is_counted_whatever_the_row_says(job, attempts):
    job.attempts = attempts
    changed(job, operation="KeySign")
    ended(job)
    assert job.state == Job.State.FAILED
    assert job.attempts == min(attempts, 1000) + 1
