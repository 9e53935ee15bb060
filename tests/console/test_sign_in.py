"""Coming in: lockout, second factor, sessions of one's own, step-up, what reaches the trail."""

import base64
import hashlib
import os
import ssl

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import expect

from apps.audit_log.sealing import tag_of
from tests.console.conftest import CHROMIUM
from tests.console.test_isolation import csrf
from tests.faults.test_log_blocked import refused
from tests.support import programs, records
from tests.support.people import (
    PORTAL,
    accept,
    code_of,
    confirm,
    give_code,
    give_password,
    invite,
    let_proof_grow_old,
    sign_in,
)


def test_five_wrong_passwords_lock_that_name_at_that_address(new_context):
    with new_context() as context:
        page = context.new_page()
        for _ in range(5):
            give_password(page, "nobody-known", "wrong-wrong-wrong")
        expect(page.get_by_role("heading", level=1)).to_have_text("Too many attempts")
        give_password(page, os.environ["PORTAL_USER_DEVELOPER"], "wrong-wrong-wrong")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_unknown_name_and_a_wrong_password_read_the_same(new_context):
    texts = []
    for username in ("somebody-else", os.environ["PORTAL_USER_AUDITOR"]):
        with new_context() as context:
            page = context.new_page()
            give_password(page, username, "wrong-wrong-wrong")
            texts.append(page.locator("main").inner_text())
    assert texts[0] == texts[1]


def test_a_code_works_once(new_context, secops_state):
    username = os.environ["PORTAL_USER_SECOPS"]
    code = code_of(username)
    with new_context() as context:
        page = context.new_page()
        for expected in ("in", "refused"):
            context.clear_cookies()
            give_password(page, username, os.environ["PORTAL_PASSWORD_SECOPS"])
            give_code(page, code)
            assert ("/secops/" in page.url) == (expected == "in")


def test_a_session_can_be_seen_and_ended_from_another(new_context, secops_state):
    with new_context() as first, new_context(storage_state=secops_state) as second:
        page, other = first.new_page(), second.new_page()
        sign_in(page)
        page.goto(f"{PORTAL}/account/sessions/")
        assert page.locator("ul.commands").first.locator("li").count() >= 2
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


def test_what_people_change_in_their_own_account_is_recorded(page, new_context):
    name, old, new = f"own-{os.urandom(3).hex()}", "a-long-enough-passphrase", "another-long-passphrase"
    me = tag_of("object", f"people/{name}")
    with new_context() as context:
        mine = invite(page, context, name, old)
        mine.goto(f"{PORTAL}/account/password/change/")
        confirm(mine, name)
        form = {"oldpassword": old, "password1": new, "password2": new, "csrfmiddlewaretoken": csrf(context)}
        with refused():  # what cannot be recorded does not happen
            answer = context.request.post(mine.url, form=form, headers={"Referer": mine.url}, max_redirects=0)
        assert answer.status == 503
        assert "Nothing was changed" in answer.text()
        for given, count in (("not-the-password", 0), (old, 1)):
            mine.goto(f"{PORTAL}/account/password/change/")
            confirm(mine, name)
            mine.locator("input[name=oldpassword]").fill(given)
            mine.locator("input[name=password1]").fill(new)
            mine.locator("input[name=password2]").fill(new)
            mine.locator("main form button").first.click()
            mine.wait_for_load_state()
            assert len(records.running("operation = 'PasswordChange' AND object = %s", [me])) == count
    added = records.running("operation = 'SecondFactorAdd' AND object = %s", [me])
    assert {"totp", "recovery_codes"} == {row["properties"]["kind"] for row in added}


def test_guessing_a_code_ends_before_it_can_succeed(page, new_context):
    """Ten wrong ones in five minutes, and the right one is not looked at."""
    username, password = f"guessed-{os.urandom(3).hex()}", "a-long-enough-passphrase"  # locked for the next tests
    with new_context() as context:
        mine = invite(page, context, username, password)
        context.clear_cookies()
        give_password(mine, username, password)
        for _ in range(10):
            give_code(mine, "000000")
        give_code(mine, code_of(username))
        assert mine.locator("input[name=code]").count() == 1, "it went on"


def test_the_management_api_takes_the_session_with_its_token_only(new_context, secops_state):
    with new_context(storage_state=secops_state) as context:
        api = f"{PORTAL}/api/v1"
        assert context.request.get(f"{api}/whoami").json()["duty"] == "security-operations"
        body, referer = {"duty": "developer"}, {"Referer": f"{PORTAL}/"}
        assert context.request.post(f"{api}/invitations", data=body, headers=referer).status == 403
        page = context.new_page()
        page.goto(f"{PORTAL}/secops/")
        token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
        headers = {**referer, "X-CSRFToken": token}
        let_proof_grow_old(context)
        refused = context.request.post(f"{api}/invitations", data=body, headers=headers)
        assert refused.status == 403
        assert "Confirm your identity" in refused.text()
        assert context.request.get(f"{api}/whoami").status == 200  # reading needs no proof
        page.goto(f"{PORTAL}/account/reauthenticate/?next=/secops/")
        confirm(page, os.environ["PORTAL_USER_SECOPS"])
        made = context.request.post(f"{api}/invitations", data=body, headers=headers)
        assert made.status == 201, made.text()
        assert made.json()["path"].startswith("/invitation/")


@pytest.fixture
def trusting(chromium, tmp_path):
    """A browser that knows our certificate: browsers offer passkeys only where they have no doubt about that."""
    port = PORTAL.rsplit(":", 1)[1]
    leaf = x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", int(port)), timeout=10).encode())
    spki = leaf.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pin = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    context = chromium.browser_type.launch_persistent_context(
        tmp_path / "profile",
        executable_path=CHROMIUM,
        args=["--no-sandbox", f"--ignore-certificate-errors-spki-list={pin}"],
    )
    yield context
    context.close()


def add_authenticator(page):
    """A passkey of the platform, as Chromium's developer tools make it."""
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return tools, tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]


def test_a_passkey_is_all_that_somebody_needs(trusting, complaints):
    code, link, errors = programs.manage("invite", "--duty", "security-operations")
    assert code == 0, errors
    mine = trusting.new_page()
    mine.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tools, authenticator = add_authenticator(mine)
    accept(mine, link.strip(), name="keyholder")
    mine.wait_for_url("**/account/2fa/")
    mine.goto(f"{PORTAL}/account/2fa/webauthn/add/")
    mine.get_by_label("Passwordless").check()
    mine.get_by_role("button", name="Add", exact=True).click()
    mine.wait_for_url("**/recovery-codes/**")
    (credential,) = tools.send("WebAuthn.getCredentials", {"authenticatorId": authenticator})["credentials"]
    assert (credential["isResidentCredential"], credential["rpId"]) == (True, "portal.vault.localhost")

    sign_out(mine)
    mine.goto(f"{PORTAL}/account/login/")
    mine.get_by_role("button", name="Sign in with a passkey").click()
    mine.wait_for_url("**/secops/")
    expect(mine.get_by_text("keyholder").first).to_be_visible()

    let_proof_grow_old(trusting)
    mine.goto(f"{PORTAL}/secops/access/people")
    mine.get_by_role("radio", name="developer").check()
    mine.get_by_role("button", name="Create invitation").click()
    mine.wait_for_url("**/reauthenticate/**")
    mine.get_by_role("button", name="Use a security key").click()
    expect(mine.locator("#link")).to_contain_text("/invitation/")

    sign_out(mine)
    tools.send("WebAuthn.clearCredentials", {"authenticatorId": authenticator})
    mine.goto(f"{PORTAL}/account/login/")
    mine.get_by_role("button", name="Sign in with a passkey").click()
    expect(mine.get_by_role("alert")).to_contain_text("That passkey does not belong to this site")
    mine.goto(f"{PORTAL}/secops/")
    assert "/account/login/" in mine.url
    assert len(records.running("operation = 'SignIn' AND object = %s", [tag_of("object", "people/keyholder")])) == 1


def sign_out(page):
    page.goto(f"{PORTAL}/account/logout/")
    page.get_by_role("button", name="Sign Out").click()
    page.wait_for_load_state()
