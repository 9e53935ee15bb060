"""Coming in: lockout, second factor, sessions of one's own, step-up, what reaches the trail."""

import os

import psycopg
import pytest
from playwright.sync_api import expect

from tests.portal.people import PORTAL, code_of, sign_in


def try_password(page, username, password):
    page.goto(f"{PORTAL}/account/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_load_state()


def test_five_wrong_passwords_lock_that_name_at_that_address(new_context):
    with new_context() as context:
        page = context.new_page()
        for _ in range(5):
            try_password(page, "nobody-known", "wrong-wrong-wrong")
        expect(page.get_by_role("heading", level=1)).to_have_text("Too many attempts")
        try_password(page, os.environ["PORTAL_USER_DEVELOPER"], "wrong-wrong-wrong")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_unknown_name_and_a_wrong_password_read_the_same(new_context):
    texts = []
    for username in ("somebody-else", os.environ["PORTAL_USER_AUDITOR"]):
        with new_context() as context:
            page = context.new_page()
            try_password(page, username, "wrong-wrong-wrong")
            texts.append(page.locator("main").inner_text())
    assert texts[0] == texts[1]


def test_a_code_works_once(new_context, secops_state):
    username = os.environ["PORTAL_USER_SECOPS"]
    code = code_of(username)
    with new_context() as context:
        page = context.new_page()
        for expected in ("in", "refused"):
            context.clear_cookies()
            try_password(page, username, os.environ["PORTAL_PASSWORD_SECOPS"])
            page.locator("input[name=code]").fill(code)
            page.locator("main form button[type=submit]").first.click()
            page.wait_for_load_state()
            assert ("/secops/" in page.url) == (expected == "in")


def test_a_session_can_be_seen_and_ended_from_another(new_context, secops_state):
    with new_context() as first, new_context(storage_state=secops_state) as second:
        page, other = first.new_page(), second.new_page()
        sign_in(page)
        page.goto(f"{PORTAL}/account/sessions/")
        assert page.locator("tbody tr").count() >= 2
        page.get_by_role("button", name="Sign Out Other Sessions").click()
        page.wait_for_load_state()
        other.goto(f"{PORTAL}/secops/")
        assert "/account/login/" in other.url
        secops_state.clear()
        secops_state.update(first.storage_state())  # for the tests that follow


def test_signing_out_ends_the_session_itself(new_context):
    with new_context() as context:
        page = context.new_page()
        sign_in(page)
        kept = context.cookies()
        page.goto(f"{PORTAL}/account/logout/")
        page.get_by_role("button", name="Sign Out").click()
        page.wait_for_load_state()
        context.add_cookies(kept)
        page.goto(f"{PORTAL}/secops/")
        assert "/account/login/" in page.url


def test_cookies_are_of_this_host_alone_and_unreadable(new_context, secops_state):
    cookies = {cookie["name"]: cookie for cookie in secops_state["cookies"]}
    session = cookies["__Host-session"]
    assert (session["httpOnly"], session["secure"], session["sameSite"]) == (True, True, "Lax")
    assert session["domain"] == "portal.vault.localhost"


@pytest.mark.parametrize("path", ["account/signup/", "account/email/", "account/company/signup/"])
def test_nobody_makes_an_account(new_context, path):
    with new_context() as context:
        answer = context.request.get(f"{PORTAL}/{path}")
        assert answer.status == 404 or "password1" not in answer.text()


def test_vaults_have_no_pages_and_no_cookies(stack):
    for path in ("/account/login/", "/secops/", "/static/portal.css"):
        answer = stack.http().request("GET", stack.vault_url + path)
        assert answer.status in {400, 401, 404}
        assert "Set-Cookie" not in answer.headers


def test_second_factors_rest_sealed_and_sign_ins_are_recorded(secops_state):
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        data = owner.execute("SELECT data->>'secret' FROM mfa_authenticator WHERE type = 'totp'").fetchall()
        assert data
        assert all(len(secret) > 60 for (secret,) in data)  # nonce and tag around it
        query = "SELECT count(*) FROM audit_event WHERE operation = 'SignIn' AND status = %s"
        assert owner.execute(query, [200]).fetchone()[0] > 0
        assert owner.execute(query, [401]).fetchone()[0] > 0


def test_guessing_a_code_ends_before_it_can_succeed(new_context):
    """Ten wrong ones in five minutes, and the right one is not looked at."""
    username = os.environ["PORTAL_USER_AUDITOR"]
    with new_context() as context:
        page = context.new_page()
        sign_in(page, "AUDITOR")
        context.clear_cookies()
        try_password(page, username, os.environ["PORTAL_PASSWORD_AUDITOR"])
        for _ in range(10):
            page.locator("input[name=code]").fill("000000")
            page.locator("main form button[type=submit]").first.click()
            page.wait_for_load_state()
        page.locator("input[name=code]").fill(code_of(username))
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_load_state()
        assert page.locator("input[name=code]").count() == 1, "it went on"


def test_the_management_api_takes_the_session_with_its_token_only(new_context, secops_state):
    with new_context(storage_state=secops_state) as context:
        api = f"{PORTAL}/api/v1"
        assert context.request.get(f"{api}/whoami").json()["duty"] == "security-operations"
        body, referer = {"duty": "developer"}, {"Referer": f"{PORTAL}/"}
        assert context.request.post(f"{api}/invitations", data=body, headers=referer).status == 403
        page = context.new_page()
        page.goto(f"{PORTAL}/secops/")
        token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
        made = context.request.post(f"{api}/invitations", data=body, headers={**referer, "X-CSRFToken": token})
        assert made.status in {201, 403}
        if made.status == 403:  # signed in longer than five minutes ago
            assert "Prove again" in made.text()
