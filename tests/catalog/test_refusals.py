"""Why it was refused: each status, for the developer whose application asked; and nothing of what is not theirs."""

import io
import time
import uuid
from datetime import timedelta

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from apps.audit_log.operation_names import Operation
from apps.core import throttle
from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.operations import make_test_vault_owner
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import invalidate_decisions
from apps.domain.decisions.decision import Attempt, denial_record
from apps.domain.denials import explanation, reasons
from apps.domain.identity.models import ApplicationIdentity, ClientSecret, User
from apps.domain.identity.queries import addresses
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota, TooManyRequests, consume_quota
from apps.interfaces.console.developers import overview
from apps.interfaces.keyvault_api.error_response import error_mapping
from apps.interfaces.keyvault_api.messages import ApiRequest
from apps.interfaces.keyvault_api.pipeline import serve
from apps.interfaces.keyvault_api.routes import ROUTES
from apps.interfaces.token_service import views as authority_views
from apps.usage import counters
from apps.usage.denials import DenialNotFound
from apps.usage.models import Denial
from tests.support import actors
from tests.support.tokens import Authority

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lane", "signed")]

OPERATIONS = {operation.name: operation for route in ROUTES for operation in route.operations.values()}
# What a caller of the Key Vault API never meets: acts of people, in portals and on the management API, and what only a
# web process under control asks for.
OF_PEOPLE = {"NotACustomersKey", "RetentionProtected", "GroupChanged", "VaultExists", "TooManyTestVaults", "CeremonyRefused", "OwnRequest",
             "AlreadyDecided", "RequestNotFound", "AccessChanged", "VaultChanged", "AuthorityExists", "AuthorityNotFound",
             "VaultIsDeleted", "VaultPurgeProtected", "RoleAssignmentExists", "RoleAssignmentNotFound",
             "RoleAssignmentUpdateNotPermitted"}  # fmt: skip
BETWEEN_PROCESSES = {"SecretNotStored"}  # the web process stores the value in another way
HOMES = ("apps.domain.keys", "apps.domain.secrets", "apps.domain.certificates", "apps.domain.objects", "apps.domain.vaults", "apps.domain.hsm_client", "apps.workers", "apps.domain.approvals",
         "apps.domain.identity.attestation")  # fmt: skip


@pytest.fixture
def own(people, vault):
    """A test vault of the developer, in which their application may do everything."""
    ApplicationIdentity.objects.filter(user_id=people.app.id).update(owner_id=people.dev.id)
    made = actors.make_vault(vault.world, "sandbox")
    Vault.objects.filter(pk=made.pk).update(test=True, owner_id=people.dev.id)
    made.refresh_from_db()
    grant = actors.grant_of(people.dev, Permission.TEST_VAULTS_CREATE)
    make_test_vault_owner(grant=grant, vault_id=made.pk)
    actors.give(people.app, "key-vault-administrator", made)
    invalidate_decisions()
    return made


@pytest.fixture
def signed(vault):
    return Authority(vault)


def call(operation, vault_name, token, *, name="", version=""):
    """The answer of the data plane, and its request id."""
    environ = {"REQUEST_METHOD": "GET", "HTTP_AUTHORIZATION": f"Bearer {token}", "REMOTE_ADDR": "127.0.0.1",
               "wsgi.input": io.BytesIO(b'{"value": "v"}')}  # fmt: skip
    asked = ApiRequest(environ, vault_name, f"https://{vault_name}.x", name, version, query={"api-version": "7.4"})
    reply = serve(OPERATIONS[operation], asked)
    return reply.status, dict(reply.headers)["x-ms-request-id"]


def explanation_of(principal, request_id):
    counters.flush()
    grant = actors.grant_of(principal, Permission.REFUSALS_EXPLAIN)
    return explanation.explain_denial(grant=grant, request_id=uuid.UUID(str(request_id)))


def listed(principal, **rest):
    counters.flush()
    grant = actors.grant_of(principal, Permission.REFUSALS_EXPLAIN)
    return [(name, row.reason) for name, row in explanation.list_latest(grant=grant, limit=20, **rest)]


def secret(vault, name, **rest):
    row = Secret.objects.create(vault=vault, name=name, folded_name=name.lower(), **rest)
    version = {"version": uuid.uuid4().hex, "created": now(), "updated": now()}
    row.current = SecretVersion.objects.create(secret=row, **version, sealed=b"x")
    row.save()
    return row


# 401


def test_an_expired_token_is_told_to_the_owner_of_its_application_alone(people, own, signed):
    status, number = call("SecretGet", own.name, signed.token(people.app, exp=int(time.time()) - 1), name="a")
    answer = explanation_of(people.dev, number)
    assert (status, answer.application) == (401, people.app.name)
    assert "expired" in answer.because
    assert answer.client_id == uuid.UUID(people.app.client_id)
    assert listed(people.dev) == [(people.app.name, "AKV10021")]
    stranger = explanation_of(actors.make_person("other", people.dev.role), number)
    assert (stranger.application, stranger.client_id, stranger.giver) == ("", None, "")
    assert "expired" in stranger.because


def test_a_stopped_application_is_named_with_who_lets_it_go_on(people, own, signed):
    User.objects.filter(pk=people.app.id).update(is_active=False)
    status, number = call("SecretGet", own.name, signed.token(people.app), name="a")
    answer = explanation_of(people.dev, number)
    assert status == 401
    assert f"{people.app.name} is suspended" in answer.because
    assert answer.giver == "Only security operations can reactivate it."


def ask_for_a_token(client_id, secret_):
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret_,
              "scope": f"{addresses().resource}/.default"}  # fmt: skip
    return authority_views.token(RequestFactory().post("/", fields), str(actors.TENANT))


@pytest.fixture(autouse=True)
def _connection_stays():
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.mark.parametrize(
    ("days", "words"), [(None, "has no client secret"), (-3, "had expired, the last on"), (3, "this was not it")]
)
def test_a_credential_that_was_not_taken_is_told_by_the_id_in_the_answer(people, own, days, words):
    row = ApplicationIdentity.objects.get(user_id=people.app.id)
    if days is not None:
        ends = {"created": now() - timedelta(days=30), "expires": now() + timedelta(days=days)}
        ClientSecret.objects.create(application=row, salt=bytes(16), digest=bytes(32), **ends)
    answer = ask_for_a_token(people.app.client_id, "wrong")
    assert answer.status_code == 401
    number = answer["x-ms-request-id"]
    assert f"Trace ID: {number}".encode() in answer.content
    found = explanation_of(people.dev, number)
    assert words in found.because
    assert found.giver == explanation.OWN_APPLICATION
    stranger = explanation_of(actors.make_person("other", people.dev.role), number)
    assert (stranger.because, stranger.giver, stranger.application) == (reasons.TOKENS["AADSTS7000215"], "", "")


@pytest.mark.parametrize(
    ("old", "words"),
    [(True, "had expired, the last on {last:%Y-%m-%d}. It has got another since."), (False, "no client secret then")],
)
def test_a_credential_that_was_made_since_is_not_said_to_have_expired(people, own, old, words):
    row, last = ApplicationIdentity.objects.get(user_id=people.app.id), now() - timedelta(days=3)
    made = {"application": row, "salt": bytes(16), "digest": bytes(32)}
    if old:
        ClientSecret.objects.create(**made, created=now() - timedelta(days=30), expires=last)
    number = ask_for_a_token(people.app.client_id, "wrong")["x-ms-request-id"]
    ClientSecret.objects.create(**made, created=now() + timedelta(seconds=1), expires=now() + timedelta(days=365))
    assert words.format(last=last) in explanation_of(people.dev, number).because


def test_a_credential_that_was_not_taken_is_no_call_and_is_said_beside_them(people, own):
    def sentence(person):
        grant, day = actors.grant_of(person, Permission.REFUSALS_EXPLAIN), now() - timedelta(days=1)
        calls = explanation.count_denials(grant=grant, since=day)
        rejected = explanation.is_rejected(grant=grant, since=day)
        return overview.in_words(calls, [], rejected=rejected).partition(" No scheduled changes")[0]

    none = "No denied requests in the last 24 hours."
    assert sentence(people.dev) == none
    ask_for_a_token(people.app.client_id, "wrong")
    counters.flush()
    assert sentence(people.dev) == f"{none} A token or a credential was rejected."
    assert sentence(actors.make_person("other", people.dev.role)) == none


def test_many_wrong_credentials_are_one_line_of_the_list_and_429_is_told(people, own):
    answers = [ask_for_a_token(people.app.client_id, "wrong") for _ in range(throttle.FAILURES + 2)]
    late = answers[-1]
    assert late.status_code == 429
    assert "wrong credential came from this address" in explanation_of(people.dev, late["x-ms-request-id"]).because
    found = explanation_of(people.dev, late["x-ms-request-id"])
    assert found.free - found.row.at == timedelta(seconds=throttle.WINDOW_SECONDS)
    assert sorted(listed(people.dev)) == [(people.app.name, "AADSTS7000215"), (people.app.name, "AADSTS90056")]


# 403


def test_a_missing_grant_in_the_own_test_vault_can_be_given_by_the_developer(people, own, signed):
    mine = actors.make_application("second")
    ApplicationIdentity.objects.filter(user_id=mine.id).update(owner_id=people.dev.id)
    _status, number = call("SecretGet", own.name, signed.token(mine), name="a")
    answer = explanation_of(people.dev, number)
    assert (answer.missing, answer.own, answer.now) == ("secrets/get", True, False)
    assert answer.giver == "You can grant it: the vault is yours."
    assert (answer.role, answer.roles[0]) == ("key-vault-secrets-user", "Key Vault Secrets User")
    actors.give(mine, answer.role, own)
    invalidate_decisions()
    assert explanation_of(people.dev, number).now is True


def test_of_a_vault_that_is_not_theirs_only_what_was_asked_is_told(people, own, vault, signed):
    """The same whether the secret exists or not, is deleted or not, and is in a production vault or not."""
    mine = actors.make_application("second")
    ApplicationIdentity.objects.filter(user_id=mine.id).update(owner_id=people.dev.id)
    secret(vault, "present")
    secret(vault, "buried", deleted=now())
    answers = []
    for name in ("present", "buried", "absent"):
        _status, number = call("SecretGet", vault.name, signed.token(mine), name=name)
        answer = explanation_of(people.dev, number)
        answers.append((answer.because.replace(name, "X"), answer.giver, answer.place, answer.now, answer.own))
    Vault.objects.filter(pk=vault.pk).update(production=True)
    answer = explanation_of(people.dev, number)
    answers.append((answer.because.replace("absent", "X"), answer.giver, answer.place, answer.now, answer.own))
    assert len(set(answers)) == 1
    assert answers[0][1:] == ("Security operations can grant it.", None, False, False)


# 404


def test_a_missing_version_is_not_said_to_be_there_now(people, own, signed):
    secret(own, "password")
    _status, number = call("SecretGet", own.name, signed.token(people.app), name="password", version="0" * 32)
    answer = explanation_of(people.dev, number)
    assert answer.because.endswith("password is there, and has no version 00000000.")
    assert answer.place == (own.name, "secrets", "password")


def test_what_is_deleted_can_be_recovered_by_who_may(people, own, signed):
    secret(own, "old", deleted=now())
    status, number = call("SecretGet", own.name, signed.token(people.app), name="old")
    answer = explanation_of(people.dev, number)
    assert status == 404
    assert answer.because.endswith("old is deleted and can be recovered.")
    assert answer.giver == "You can: your role there allows it."


# 409


def test_a_deleted_name_that_is_set_again(people, own):
    secret(own, "old", deleted=now())
    found = row(people.app, own, status=409, reason="ObjectIsDeleted", object_id="secrets/old")
    answer = explanation_of(people.dev, found.request_id)
    assert answer.because == reasons.REASONS["ObjectIsDeleted"]
    assert (answer.place, answer.giver) == ((own.name, "secrets", "old"), "You can: your role there allows it.")


def row(caller, vault, **rest):
    fields = {"at": now(), "request_id": uuid.uuid4(), "caller_id": caller.id, "vault_id": vault.pk,
              "vault_name": vault.name, "operation": "SecretSet", "object_id": "secrets/a", **rest}  # fmt: skip
    return Denial.objects.create(**fields)


@pytest.mark.parametrize("reason", ["IntegrityError", "DoesNotExist", "OperationalError"])
def test_a_second_change_that_was_faster(people, own, reason):
    found = row(people.app, own, status=409, reason=reason)
    assert "at the same time. Nothing was done" in explanation_of(people.dev, found.request_id).because


def test_a_fault_of_the_service_is_not_said_to_be_the_requests(people, own):
    found = row(people.app, own, status=500, reason="ZeroDivisionError")
    assert explanation_of(people.dev, found.request_id).because.startswith("The service failed, not the request.")


# 429


def test_a_throttled_request_names_its_limit_and_when_there_was_room_again(people, own, signed):
    Vault.objects.filter(pk=own.pk).update(limits={Quota.OTHER.value: 2})
    token = signed.token(people.app)
    answers = [call("SecretGet", own.name, token, name="a") for _ in range(4)]
    number = next(number for status, number in answers if status == 429)
    Vault.objects.filter(pk=own.pk).update(limits={})
    answer = explanation_of(people.dev, number)
    assert "kind other in ten seconds. The vault may do 2." in answer.because
    assert answer.limit == 2
    assert 1 <= (answer.free - answer.row.at).total_seconds() <= 10


def test_a_throttled_application_is_told_of_its_own_share(people, own):
    Vault.objects.filter(pk=own.pk).update(limits={Quota.OTHER.value: 1})
    vaults = [own, *(actors.make_vault(own.world, f"many-{n}") for n in range(6))]
    for found in vaults:
        Vault.objects.filter(pk=found.pk).update(limits={Quota.OTHER.value: 1})
        found.refresh_from_db()
    for found in vaults[:5]:
        consume_quota(vault=found, principal=people.app, quota=Quota.OTHER)
    with pytest.raises(TooManyRequests) as caught:
        consume_quota(vault=vaults[5], principal=people.app, quota=Quota.OTHER)
    assert (caught.value.whose, caught.value.limit) == ("application", 5)
    assert "5 in 10 seconds for one application" in caught.value.message
    found = row(people.app, own, status=429, reason="TooManyRequests:other:application", limit=5, wait=3)
    assert "may do 5 over all vaults" in explanation_of(people.dev, found.request_id).because


def test_a_throttled_trial_is_told_of_the_same_share(people, own):
    vaults = [own, *(actors.make_vault(own.world, f"many-{n}") for n in range(5))]
    for found in vaults:
        Vault.objects.filter(pk=found.pk).update(limits={Quota.RSA_2048.value: 1})
        found.refresh_from_db()
    for found in vaults[1:]:
        consume_quota(vault=found, principal=people.dev, quota=Quota.RSA_2048)

    attempt = Attempt(Operation.KEY_SIGN, Permission.KEYS_SIGN, "key", own.name, "trial", actors.request())
    attempt.principal, attempt.vault = people.dev, own
    with pytest.raises(TooManyRequests) as throttled:
        consume_quota(vault=own, principal=people.dev, quota=Quota.RSA_2048)
    denial_record(attempt, throttled.value, 429)
    answer = explanation_of(people.dev, attempt.context.request_id)
    assert answer.row.operation == "KeySign"
    assert f"{people.dev.name} may do 5 over all vaults." in answer.because


def test_a_throttled_request_from_before_limits_were_kept_tells_none(people, own):
    found = row(people.app, own, status=429, reason="TooManyRequests:other")
    assert "may do" not in explanation_of(people.dev, found.request_id).because


# All of them


def test_every_refusal_that_a_caller_can_meet_has_a_sentence_of_its_own():
    import apps.domain.vaults.clock
    import apps.workers.hsm_worker.tasks  # noqa: F401  knows the workers' errors

    met = {
        name
        for name, kind in VaultError.registry.items()
        if kind.__module__.startswith(HOMES) and error_mapping(kind("")).status in {403, 404, 409}
    }
    met -= OF_PEOPLE | BETWEEN_PROCESSES
    assert met <= set(reasons.REASONS), met - set(reasons.REASONS)
    assert set(reasons.REASONS) <= set(VaultError.registry)
    assert set(reasons.FIXED_BY) <= set(reasons.REASONS)


def test_refusals_of_others_are_none(people, own, vault):
    found = row(people.stranger, vault, status=403, reason="", permission="secrets/get")
    with pytest.raises(DenialNotFound):
        explanation_of(people.dev, found.request_id)
    assert listed(people.dev) == []


def test_the_count_of_a_day_is_not_cut_where_the_list_is(people, own):
    for _ in range(23):
        row(people.app, own, status=403, reason="", permission="secrets/get")
    row(people.app, own, status=403, reason="", permission="secrets/get", at=now() - timedelta(days=2))
    row(people.stranger, own, status=403, reason="", permission="secrets/get")
    grant = actors.grant_of(people.dev, Permission.REFUSALS_EXPLAIN)
    assert explanation.count_denials(grant=grant, since=now() - timedelta(days=1)) == 23
    row(people.app, own, caller_id=None, claimed=people.app.client_id, status=401, reason="AADSTS7000215")
    assert len(listed(people.dev)) == 20
