"""A code of an authenticator app works once: at once, later, and in all processes."""

import base64
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.db import connection

from apps.domain.identity.models import User
from apps.interfaces.console import second_factor_forms
from apps.interfaces.console.second_factor_forms import AuthenticateOnceForm, ReauthenticateOnceForm, use_code

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(settings):
    return User.objects.create(username=f"p{uuid.uuid4().hex[:8]}", kind="person", duty="developer")


@pytest.fixture
def app(person):
    secret = generate_totp_secret()
    return TOTP.activate(person, secret).instance, secret


@pytest.fixture
def clock(monkeypatch):
    """The time of the library and of ours, which a test sets."""

    class Clock:
        at = 1_800_000_000.0

        def time(self):
            return self.at

    clock = Clock()
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time", clock)
    monkeypatch.setattr(second_factor_forms.time, "time", clock.time)
    return clock


def code_at(secret, moment):
    from tests.support.people import totp

    return totp(secret, int(moment) // 30)


def accepted(form, person, code, rf):
    from allauth.core import context

    with context.request_context(rf.post("/", REMOTE_ADDR="192.0.2.1")):
        return form({"code": code}, user=person).is_valid()


@pytest.mark.parametrize("form", [AuthenticateOnceForm, ReauthenticateOnceForm])
def test_a_code_is_accepted_once_although_the_librarys_mark_is_gone(person, app, clock, rf, form):
    """0.4: the same code 35 seconds later, or in another process, which knew no mark."""
    code = code_at(app[1], clock.at)
    assert accepted(form, person, code, rf)
    cache.clear()
    assert not accepted(form, person, code, rf)
    clock.at += 35
    assert not accepted(form, person, code, rf)
    assert accepted(form, person, code_at(app[1], clock.at), rf)


def test_a_code_of_a_sign_in_confirms_nothing(person, app, clock, rf):
    code = code_at(app[1], clock.at)
    assert accepted(AuthenticateOnceForm, person, code, rf)
    cache.clear()
    assert not accepted(ReauthenticateOnceForm, person, code, rf)


def test_codes_of_each_step_in_the_tolerance_work_once_in_any_order(app, clock):
    for shift in (30, -30, 0):
        code = code_at(app[1], clock.at + shift)
        assert (use_code(app[0].pk, code), use_code(app[0].pk, code)) == (True, False)
    assert not use_code(app[0].pk, code_at(app[1], clock.at + 60))
    assert not use_code(app[0].pk, "000000x")


def test_spaces_in_a_code_make_no_other_code(app, clock):
    code = code_at(app[1], clock.at)
    assert use_code(app[0].pk, f" {code[:3]} {code[3:]} ")
    assert not use_code(app[0].pk, code)


def test_a_clock_that_is_set_back_opens_no_used_code(app, clock):
    codes = []
    for _ in range(15):
        codes.append(code_at(app[1], clock.at))
        assert use_code(app[0].pk, codes[-1])
        clock.at += 30
    clock.at -= 15 * 30
    assert not any(use_code(app[0].pk, code) for code in codes)
    app[0].refresh_from_db()
    assert len(app[0].data["used_steps"]) == 10


def test_of_many_requests_at_once_one_goes_on(app):
    code = code_at(app[1], time.time())

    def use(_):
        try:
            return use_code(app[0].pk, code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(use, range(6))) == [False] * 5 + [True]


def test_the_code_that_set_the_app_up_is_used(person, rf, clock):
    secret = generate_totp_secret()
    row, code = TOTP.activate(person, secret).instance, code_at(secret, clock.at)
    second_factor_forms.mark_first_code(request=rf.post("/", {"code": code}), authenticator=row, sender=None)
    assert not use_code(row.pk, code)


def test_a_recovery_code_works_once_in_all_processes(person, app, clock, rf):
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    code = RecoveryCodes.activate(person).generate_codes()[0]
    assert accepted(AuthenticateOnceForm, person, code, rf)
    cache.clear()
    assert not accepted(AuthenticateOnceForm, person, code, rf)


def test_the_secret_stays_sealed(app):
    row = Authenticator.objects.get(pk=app[0].pk)
    assert app[1] not in str(row.data)
    assert len(base64.b64decode(row.data["secret"])) > 40


def test_the_settings_name_these_forms(settings):
    assert set(settings.MFA_FORMS.values()) == {f"{form.__module__}.{form.__qualname__}" for form in (AuthenticateOnceForm, ReauthenticateOnceForm)}  # fmt: skip
