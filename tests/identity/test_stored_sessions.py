"""The database has a hash of the cookie in the browser: reading a row opens no session."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.http import HttpResponse

from apps.core.clock import now
from apps.domain.identity import auditor_sessions, live_sign_ins, portal_sessions
from apps.domain.identity.browser_sessions import delete_expired
from apps.domain.identity.models import AuditorSession
from apps.domain.identity.portal_sessions import cookie_of
from apps.interfaces.console.session_cookies import SessionCookies

pytestmark = pytest.mark.django_db
HOSTS = {"portal": (portal_sessions, Session), "auditors": (auditor_sessions, AuditorSession)}


@pytest.fixture(params=HOSTS)
def host(request):
    """(sessions, table) of a host."""
    module, table = HOSTS[request.param]
    return module.SessionStore, table


def rows(table):
    return list(table.objects.values_list("session_key", "session_data"))


def new_session(sessions, **content):
    made = sessions()
    made.update(content)
    made.save()
    return made


def test_a_row_contains_no_cookie(host):
    sessions, table = host
    cookie = cookie_of(new_session(sessions, greeting="hello"))
    ((key, data),) = rows(table)
    assert len(cookie) >= 43
    assert len(key) == 40
    assert cookie not in key + data


def test_the_cookie_opens_the_session_and_what_is_stored_does_not(host):
    sessions, table = host
    cookie = cookie_of(new_session(sessions, greeting="hello"))
    assert sessions.of_cookie(cookie)["greeting"] == "hello"
    ((key, _),) = rows(table)
    assert sessions.of_cookie(key).get("greeting") is None
    assert sessions(key)["greeting"] == "hello", "a library that has read the key may look"
    assert cookie_of(sessions(key)) == ""


def test_a_value_that_a_browser_chose_becomes_no_session(host):
    sessions, table = host
    chosen = sessions.of_cookie("chosen-by-somebody-else")
    chosen["greeting"] = "hello"
    chosen.save()
    assert cookie_of(chosen) not in ("", "chosen-by-somebody-else")
    assert sessions.of_cookie("chosen-by-somebody-else").get("greeting") is None
    assert len(rows(table)) == 1


def test_a_new_key_ends_the_cookie_of_before(host):
    sessions, table = host
    session = new_session(sessions, greeting="hello")
    before = cookie_of(session)
    session.cycle_key()
    session.save()
    assert cookie_of(session) != before
    assert sessions.of_cookie(before).get("greeting") is None
    assert sessions.of_cookie(cookie_of(session))["greeting"] == "hello"
    session.flush()
    assert rows(table) == []


def test_a_copy_of_a_session_in_the_same_request_keeps_its_cookie(host):
    """As django-allauth makes it while somebody goes to the company's sign-in."""
    sessions, _ = host
    made = new_session(sessions, greeting="hello")
    assert cookie_of(sessions(made.session_key)) == cookie_of(made) != ""


@pytest.fixture
def answer(rf):
    """What a browser with a cookie is answered by a view."""

    def answer(view, cookie=""):
        request = rf.get("/", secure=True)
        if cookie:
            request.COOKIES[settings.SESSION_COOKIE_NAME] = cookie

        def respond(request):
            view(request.session)
            return HttpResponse()

        return SessionCookies(respond)(request).cookies.get(settings.SESSION_COOKIE_NAME)

    return answer


def test_a_browser_gets_the_value_and_keeps_its_session_with_it(answer):
    set_cookie = answer(lambda session: session.update({"greeting": "hello"}))
    ((key, _),) = rows(Session)
    assert set_cookie.value
    assert set_cookie.value != key
    assert set_cookie["httponly"]
    assert set_cookie["secure"]
    assert (set_cookie["path"], set_cookie["samesite"]) == ("/", "Lax")
    read = []
    assert answer(lambda session: read.append(session.get("greeting")), set_cookie.value) is None
    answer(lambda session: read.append(session.get("greeting")), key)
    assert read == ["hello", None]
    assert answer(lambda session: session.flush(), set_cookie.value).value == "", "a session that ended"
    assert rows(Session) == []


def test_the_hsm_worker_takes_a_cookie_and_no_stored_key(people):
    session = new_session(portal_sessions.SessionStore)
    UserSession.objects.create(session_key=session.session_key, user_id=people.secops.id, ip="::1")
    assert live_sign_ins.find_by_session(cookie=cookie_of(session), now=now()) is not None
    assert live_sign_ins.find_by_session(cookie=session.session_key, now=now()) is None
    assert live_sign_ins.find_by_session(cookie="", now=now()) is None


def test_expired_sessions_are_deleted_and_others_stay(host):
    sessions, table = host
    live, expired = new_session(sessions), new_session(sessions)
    table.objects.filter(pk=expired.session_key).update(expire_date=now() - timedelta(seconds=1))
    assert delete_expired(now=now()) == 1
    assert [key for key, _ in rows(table)] == [live.session_key]
    assert delete_expired(now=now()) == 0
