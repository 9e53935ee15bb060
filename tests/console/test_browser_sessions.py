"""Sessions of browsers in the running system: what the database has of them, and how they end."""

import os

import psycopg
import pytest
from psycopg import sql

from apps.domain.identity.rules import session_key_of
from tests.support.audit_portal import AUDIT
from tests.support.people import PORTAL, confirm, give_code, give_password, invite, proof_of

# host -> (a page for those who have signed in, the cookie, the fixture with a browser's cookies, the table)
HOSTS = {
    "portal": (f"{PORTAL}/secops/", "__Host-session", "secops_state", "django_session"),
    "auditors": (f"{AUDIT}/records", "__Host-audit-session", "auditor_state", "identity_auditorsession"),
}
PASSWORD, NEW = "a-long-enough-passphrase", "another-long-passphrase"


def cookie_of(cookies, name="__Host-session"):
    return next(cookie["value"] for cookie in cookies if cookie["name"] == name)


def is_in(context, url=f"{PORTAL}/account/sessions/"):
    """Whether this browser has a session that counts."""
    return "/account/login/" not in context.request.get(url).url


@pytest.fixture
def holding(new_context):
    """Whether a new browser with this cookie is signed in."""

    def holding(value, url=f"{PORTAL}/account/sessions/", name="__Host-session"):
        with new_context() as context:
            host = AUDIT if url.startswith(AUDIT) else PORTAL
            context.add_cookies([{"name": name, "value": value, "url": host, "secure": True}])
            return is_in(context, url)

    return holding


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_stored_opens_no_session(holding, request, host):
    url, name, state, table = HOSTS[host]
    cookie = cookie_of(request.getfixturevalue(state)["cookies"], name)
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        keys = [key for (key,) in owner.execute(f"SELECT session_key FROM {table}").fetchall()]
        browsers = [key for (key,) in owner.execute("SELECT session_key FROM usersessions_usersession").fetchall()]
    assert session_key_of(cookie) in set(keys) & set(browsers)
    assert holding(cookie, url, name)
    assert not holding(session_key_of(cookie), url, name)


def test_no_row_of_any_table_has_a_cookie(secops_state, auditor_state):
    cookies = [cookie_of(secops_state["cookies"]), cookie_of(auditor_state["cookies"], "__Host-audit-session")]
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT count(*) FROM {} t WHERE t::text LIKE ANY(%s)").format(sql.Identifier(table))
            found = owner.execute(query, [[f"%{cookie}%" for cookie in cookies]]).fetchone()
            assert found == (0,), table
    assert len(tables) > 60


def test_sessions_end_by_another_browser_by_signing_out_and_with_the_password(page, new_context, holding):
    name = f"browsers-{os.urandom(3).hex()}"
    with new_context() as first, new_context() as second:
        mine, other = invite(page, first, name, PASSWORD), second.new_page()

        def sign_in(page, password=PASSWORD):
            give_password(page, name, password)
            give_code(page, proof_of(name))

        sign_in(other)
        held = cookie_of(second.cookies())
        assert is_in(first)
        assert is_in(second)
        mine.goto(f"{PORTAL}/account/sessions/")
        assert mine.get_by_text("this session").count() == 1
        mine.get_by_role("button", name="Sign out other sessions").click()
        mine.get_by_role("button", name="Sign out", exact=True).last.wait_for()
        assert (is_in(first), is_in(second), holding(held)) == (True, False, False)

        sign_in(other)
        held = cookie_of(second.cookies())
        other.goto(f"{PORTAL}/account/logout/")
        other.locator("main").get_by_role("button", name="Sign out", exact=True).click()
        other.wait_for_load_state()
        assert (is_in(first), is_in(second), holding(held)) == (True, False, False)

        sign_in(other)
        held = [cookie_of(second.cookies()), cookie_of(first.cookies())]
        mine.goto(f"{PORTAL}/account/password/change/")
        confirm(mine, name)
        held.append(cookie_of(first.cookies()))
        mine.locator("input[name=oldpassword]").fill(PASSWORD)
        for field in ("password1", "password2"):
            mine.locator(f"input[name={field}]").fill(NEW)
        mine.locator("main form button").first.click()
        mine.wait_for_load_state()
        assert (is_in(first), is_in(second)) == (False, False)
        assert not any(map(holding, held))
        sign_in(other, NEW)
        assert is_in(second)
