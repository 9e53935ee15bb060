"""Neither the web's role nor an auditors' process makes the other's people, or proves to be one of them."""

import hashlib
import json

import psycopg
import pytest

from apps.core.clock import now
from apps.core.ids import uuid7
from apps.domain.identity.models import DeviceRequest, ManagementToken, User
from apps.interfaces.console.sign_in_adapters import SecondFactorAdapter
from tests.support.roles import OWNER, connect
from vaultportal.database_privileges import AUDITOR, ROLES, WEB

pytestmark = pytest.mark.django_db(transaction=True)
DENIED = psycopg.errors.InsufficientPrivilege


def run(role, statement, values=()):
    """Carry out a statement in a transaction of its own; the error, or None."""
    with connect(role) as database:
        try:
            database.execute(statement, values)
        except psycopg.Error as error:
            database.rollback()
            return error
    return None


def insert(table, **values):
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})", list(
        values.values()
    )


def person(name, duty):
    fixed = {"email": "", "is_active": True, "is_staff": False, "is_superuser": False, "created": now()}
    return insert("identity_user", id=uuid7(), username=name, password="!", kind="person", duty=duty, **fixed)


def test_each_host_adds_its_own_people_only(people):
    for duty in ("auditor", "security-operations", "developer"):
        for role in ROLES:
            error = run(role, *person(f"{role}-{duty}", duty))
            allowed = role == (AUDITOR if duty == "auditor" else WEB)
            assert error is None if allowed else isinstance(error, DENIED), (role, duty, error)


@pytest.mark.parametrize(
    "change", ["duty = 'auditor'", "kind = 'application', duty = NULL", "username = username || 'x'"]
)
def test_nobody_who_serves_changes_who_a_person_is(people, change):
    before = list(User.objects.order_by("pk").values_list("pk", "username", "kind", "duty"))
    for role in ROLES:
        assert isinstance(run(role, f"UPDATE identity_user SET {change}"), DENIED), role
    assert list(User.objects.order_by("pk").values_list("pk", "username", "kind", "duty")) == before


def test_each_host_sets_the_passwords_of_its_own_people_only(people):
    assert run(WEB, "UPDATE identity_user SET password = 'of the web'") is None
    assert run(AUDITOR, "UPDATE identity_user SET password = 'of the auditors'") is None
    found = dict(User.objects.filter(kind="person").values_list("duty", "password"))
    assert found == {"auditor": "of the auditors", "developer": "of the web", "security-operations": "of the web"}


def test_the_web_invites_no_auditor_and_turns_no_invitation_into_one(people):
    moments = {"created": now(), "expires": now()}

    def invitation(duty):
        names = {"username": "", "invited_by": "", **moments}
        return insert("identity_invitation", id=uuid7(), digest=uuid7().bytes, duty=duty, **names)

    assert isinstance(run(WEB, *invitation("auditor")), DENIED)
    assert run(WEB, *invitation("developer")) is None
    assert isinstance(run(WEB, "UPDATE identity_invitation SET duty = 'auditor'"), DENIED)
    assert run(AUDITOR, *invitation("auditor")) is None
    assert run(OWNER, *invitation("auditor")) is None
    for duty in ("developer", "security-operations"):
        assert isinstance(run(AUDITOR, *invitation(duty)), DENIED), duty


def test_an_invitation_is_accepted_once_and_on_its_own_host(people):
    names = {"username": "", "invited_by": "", "created": now(), "expires": now()}
    accept = "UPDATE identity_invitation SET accepted = now() WHERE duty = %s"
    for role, own, other in ((WEB, "developer", "auditor"), (AUDITOR, "auditor", "security-operations")):
        for duty in (own, other):
            assert (
                run(OWNER, *insert("identity_invitation", id=uuid7(), digest=uuid7().bytes, duty=duty, **names)) is None
            )
        assert isinstance(run(role, accept, [other]), DENIED)
        assert run(role, accept, [own]) is None
        again = "UPDATE identity_invitation SET accepted = NULL WHERE duty = %s"
        assert isinstance(run(role, again, [own]), DENIED)
        assert run(OWNER, "DELETE FROM identity_invitation") is None


def test_a_session_of_the_auditors_host_is_not_the_webs_to_write(people):
    values = {"session_key": "k", "session_data": "", "expire_date": now()}
    assert isinstance(run(WEB, *insert("identity_auditorsession", **values)), DENIED)
    assert isinstance(run(WEB, "SELECT * FROM identity_auditorsession"), DENIED)
    assert isinstance(run(AUDITOR, *insert("django_session", **values)), DENIED)
    assert run(AUDITOR, *insert("identity_auditorsession", **values)) is None


CHANGES_OF_A_FACTOR = (
    "data = jsonb_set(data, '{secret}', '\"x\"')",
    "data = '{\"a\": 2}'",
    "last_used_at = now()",
    "type = CASE type WHEN 'totp' THEN 'recovery_codes' ELSE 'totp' END",
)


def factors():
    with connect(OWNER) as database:
        rows = database.execute("SELECT user_id, type, data FROM mfa_authenticator").fetchall()
    return {person_id: (kind, data) for person_id, kind, data in rows}


def factor(kind, person_id):
    return insert("mfa_authenticator", type=kind, data=json.dumps({"a": 1}), user_id=person_id, created_at=now())


@pytest.mark.parametrize("kind", ["totp", "webauthn", "recovery_codes"])
def test_second_factors_are_set_up_on_the_own_host(people, kind):
    auditor, secops = people.auditor.id, people.secops.id
    for role, own, other in ((WEB, secops, auditor), (AUDITOR, auditor, secops)):
        assert isinstance(run(role, *factor(kind, other)), DENIED)
        assert run(role, *factor(kind, own)) is None
    for role, own, other in ((WEB, secops, auditor), (AUDITOR, auditor, secops)):
        move = ("UPDATE mfa_authenticator SET user_id = %s WHERE user_id = %s", [other, own])
        assert isinstance(run(role, *move), DENIED)
        assert isinstance(run(role, "DELETE FROM mfa_authenticator WHERE user_id = %s", [other]), DENIED)
        for change in CHANGES_OF_A_FACTOR:
            assert isinstance(run(role, f"UPDATE mfa_authenticator SET {change} WHERE user_id = %s", [other]), DENIED)
    assert factors() == {auditor: (kind, {"a": 1}), secops: (kind, {"a": 1})}
    for role, own in ((WEB, secops), (AUDITOR, auditor)):
        for change in CHANGES_OF_A_FACTOR:
            assert run(role, f"UPDATE mfa_authenticator SET {change} WHERE user_id = %s", [own]) is None
        assert run(role, "DELETE FROM mfa_authenticator WHERE user_id = %s", [own]) is None
    assert factors() == {}


def test_a_secret_that_the_web_sealed_is_no_auditors(people):
    """Both hosts have the Django secret: what one seals, the other opens."""
    sealed = SecondFactorAdapter().encrypt("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    change = "UPDATE mfa_authenticator SET data = data || jsonb_build_object('secret', %s::text) WHERE user_id = %s"
    for role, own, other in ((WEB, people.dev, people.auditor), (AUDITOR, people.auditor, people.dev)):
        assert run(OWNER, *factor("totp", other.id)) is None
        assert isinstance(run(role, change, [sealed, other.id]), DENIED)
        assert run(OWNER, "DELETE FROM mfa_authenticator WHERE user_id = %s", [other.id]) is None
        assert run(role, *factor("totp", own.id)) is None
        assert run(role, change, [sealed, own.id]) is None
        assert factors() == {own.id: ("totp", {"a": 1, "secret": sealed})}
        assert run(OWNER, "DELETE FROM mfa_authenticator") is None


def browser(person_id, key):
    fixed = {"ip": "::1", "user_agent": "", "data": "{}", "created_at": now(), "last_seen_at": now()}
    return insert("usersessions_usersession", session_key=key, user_id=person_id, **fixed)


def test_whose_a_browser_is_says_their_own_host(people):
    auditor, secops = people.auditor.id, people.secops.id
    for role, own, other in ((WEB, secops, auditor), (AUDITOR, auditor, secops)):
        assert isinstance(run(role, *browser(other, "of the other")), DENIED)
        assert run(role, *browser(own, f"own of {role}")) is None
        move = "UPDATE usersessions_usersession SET user_id = %s WHERE user_id = %s"
        assert isinstance(run(role, move, [other, own]), DENIED)
    for role, other in ((WEB, auditor), (AUDITOR, secops)):
        change = "UPDATE usersessions_usersession SET session_key = 'x' WHERE user_id = %s"
        assert isinstance(run(role, change, [other]), DENIED)
        assert isinstance(run(role, "DELETE FROM usersessions_usersession WHERE user_id = %s", [other]), DENIED)


def test_a_company_account_is_connected_on_the_own_host(people):
    moments = {"last_login": now(), "date_joined": now(), "extra_data": "{}"}

    def account(person_id, uid):
        return insert("socialaccount_socialaccount", provider="company", uid=uid, user_id=person_id, **moments)

    assert isinstance(run(WEB, *account(people.auditor.id, "mallory")), DENIED)
    assert run(AUDITOR, *account(people.auditor.id, "genuine")) is None
    assert run(WEB, "UPDATE socialaccount_socialaccount SET uid = 'mallory'") is None
    with connect(OWNER) as database:
        assert database.execute("SELECT uid FROM socialaccount_socialaccount").fetchall() == [("genuine",)]


def token(person_id):
    moments = {"created": now(), "proven": now(), "expires": now()}
    digest = hashlib.sha256(uuid7().bytes).digest()
    fixed = {"password_mark": b"", "label": "", "address": ""}
    return insert("identity_managementtoken", id=uuid7(), digest=digest, person_id=person_id, **fixed, **moments)


def test_a_token_of_an_auditor_needs_a_confirmation_on_their_host(people):
    auditor = people.auditor.id
    assert isinstance(run(WEB, *token(auditor)), DENIED)
    request = DeviceRequest.objects.create(
        device_digest=b"d", user_code_mac=b"u", address="192.0.2.1", created=now(), expires=now()
    )
    confirm = "UPDATE identity_devicerequest SET state = 'confirmed', person_id = %s, confirmed = now()"
    assert isinstance(run(WEB, confirm, [auditor]), DENIED)
    assert isinstance(run(AUDITOR, confirm, [people.secops.id]), DENIED)
    assert run(AUDITOR, confirm, [auditor]) is None
    for longer in ("confirmed = now()", "password_mark = 'x'", "state = 'waiting'", "person_id = NULL"):
        assert isinstance(run(WEB, f"UPDATE identity_devicerequest SET {longer}"), DENIED), longer
    assert run(WEB, "UPDATE identity_devicerequest SET polled = now()") is None
    assert run(WEB, *token(auditor)) is None
    assert not DeviceRequest.objects.filter(pk=request.pk).exists()
    assert isinstance(run(WEB, *token(auditor)), DENIED), "one for each confirmation"
    assert ManagementToken.objects.count() == 1
    assert run(WEB, *token(people.secops.id)) is None
    assert isinstance(run(WEB, "UPDATE identity_managementtoken SET person_id = %s", [auditor]), DENIED)


def test_a_token_that_ended_stays_ended(people):
    for owner in (people.auditor.id, people.secops.id):
        assert run(OWNER, *token(owner)) is None
    end = "UPDATE identity_managementtoken SET ended = %s WHERE person_id = %s"
    assert isinstance(run(AUDITOR, end, [now(), people.secops.id]), DENIED)
    assert run(AUDITOR, end, [now(), people.auditor.id]) is None
    assert run(WEB, end, [now(), people.secops.id]) is None
    for role in (WEB, AUDITOR):
        for owner in (people.auditor.id, people.secops.id):
            assert isinstance(run(role, end, [None, owner]), DENIED)
        assert run(role, "UPDATE identity_managementtoken SET used = now()") is None
