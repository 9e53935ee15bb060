"""A person signs in their command line: the program shows a code, and they confirm it in a real browser."""

import json
import os
import re
import subprocess
import time
import uuid

import psycopg
import pytest
from playwright.sync_api import expect

from apps.audit_log.sealing import tag_of
from tests.cli.conftest import Terminal, program
from tests.support import audit_portal, programs
from tests.support.audit_portal import AUDIT
from tests.support.people import PORTAL, accept, confirm, set_up_factor, sign_in
from tests.support.screenshots import accessible, picture

pytestmark = pytest.mark.stack

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"  # RFC 8628 section 3.4


@pytest.fixture
def terminal(stack, tmp_path):
    return Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca, PORTAL_VAULT="demo-europe")


@pytest.fixture
def begin(terminal):
    """`portal login` begun: the running program and the code that it shows."""
    running = []

    def login(*arguments):
        command = [*terminal.program, "login", *arguments]
        process = subprocess.Popen(
            command,
            cwd=terminal.home,
            env=terminal.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        shown = ""
        while not (found := re.search(r"^    (\w{4}-\w{4})$", shown, re.MULTILINE)):
            line = process.stderr.readline()
            assert line, shown
            shown += line
        return process, found[1]

    yield login
    for process in running:
        process.kill()
        process.communicate()


def finish(process, code=0):
    out, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    return out, err


def signed_in(begin, page, role="SECOPS", *, username=""):
    """Signed in, as the first test below does it. The portal sends auditors to their own host to confirm."""
    process, code = begin()
    page.goto(f"{PORTAL}/device?code={code}")
    if role == "AUDITOR":
        page.get_by_label("Username").fill(os.environ["PORTAL_USER_AUDITOR"])
        page.get_by_label("Password", exact=True).fill(os.environ["PORTAL_PASSWORD_AUDITOR"])
        page.get_by_role("button", name="Sign in", exact=True).click()
        link = page.get_by_role("link", name=AUDIT).get_attribute("href")
        page.goto(link)
        if page.get_by_label("Username").count():  # not signed in there yet
            audit_portal.sign_in(page)
            page.goto(link)
    page.get_by_role("button", name="Confirm as").click()
    confirm(page, username or os.environ[f"PORTAL_USER_{role}"])
    finish(process)


def recorded():
    """How often each act of a command line's sign-in is in the trail."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        query = "SELECT operation, count(*) FROM audit_event WHERE caller = %s GROUP BY operation"
        return dict(owner.execute(query, [tag_of("caller", "demo-secops")]).fetchall())


def test_a_person_confirms_the_code_and_the_program_acts_as_them(begin, terminal, page):
    process, code = begin()
    page.goto(f"{PORTAL}/device")
    page.get_by_label("Code").fill(code.lower().replace("-", " "))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text(code, exact=True)).to_be_visible()
    expect(page.get_by_text("portal on ")).to_be_visible()
    picture(page, "device-confirm")
    accessible(page)
    page.get_by_role("button", name="Confirm as demo-secops").click()
    confirm(page, os.environ["PORTAL_USER_SECOPS"])
    expect(page.get_by_role("heading", name="CLI sessions")).to_be_visible()
    finish(process)
    me = terminal.json("whoami")
    assert (me["name"], me["duty"]) == ("demo-secops", "security-operations")
    name = f"cli-{uuid.uuid4().hex[:10]}"
    terminal.run("key", "create", name, "--type", "EC")
    terminal.run("key", "delete", name)
    terminal.run("key", "purge", name, "--yes-purge", name)  # confirmed just now: fresh enough for a dangerous act
    page.reload()
    picture(page, "device-sessions")
    accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_dangerous_act_wants_a_fresh_confirmation(begin, terminal, page):
    signed_in(begin, page)
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        owner.execute("UPDATE identity_managementtoken SET proven = proven - interval '6 minutes'")
    terminal.run("key", "list")
    result = terminal.run("application", "disable", "demo-stranger", code=1).stderr
    assert "portal login" in result
    assert "Confirm your identity" in result


def test_a_denied_code_ends_the_program_and_a_code_works_once(begin, page):
    process, code = begin()
    page.goto(f"{PORTAL}/device?code={code}")
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("Denied.")).to_be_visible()
    _, result = finish(process, code=3)
    assert "rejected in the browser" in result
    assert page.goto(f"{PORTAL}/device?code={code}").status == 404
    assert recorded()["CommandLineDeny"] >= 1


def test_signing_out_at_either_end_ends_the_token_at_once(begin, terminal, page):
    for at in ("terminal", "terminal that others could read", "browser"):
        signed_in(begin, page)
        counts = recorded()  # once: other tests sign in meanwhile
        assert counts["CommandLineConfirm"] >= counts["ManagementTokenIssue"] >= 1
        kept = json.loads(terminal.profile.read_text())
        if at != "browser":
            terminal.profile.chmod(0o600 if at == "terminal" else 0o644)
            terminal.run("logout")
            assert not terminal.profile.exists()
            terminal.profile.write_text(json.dumps(kept))
            terminal.profile.chmod(0o600)
        else:
            page.goto(f"{PORTAL}/account/sessions/")
            for _ in range(page.get_by_role("button", name="Sign out portal on").count()):
                page.get_by_role("button", name="Sign out portal on").first.click()
                page.wait_for_load_state()
        assert "ended" in terminal.run("whoami", code=3).stderr
    assert recorded()["ManagementTokenEnd"] >= 2


def test_one_person_cannot_end_anothers_token(begin, terminal, page, colleague, stack):
    signed_in(begin, page)
    mine = json.loads(terminal.profile.read_text())
    colleague.goto(f"{PORTAL}/account/sessions/")
    token = colleague.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    url = f"{PORTAL}/device/{mine['token_id']}/end"
    colleague.request.post(url, form={"csrfmiddlewaretoken": token}, headers={"Referer": url})
    assert terminal.json("whoami")["name"] == "demo-secops"


CHANGES = {
    "password": "UPDATE identity_user SET password = password || 'x' WHERE username = %s",
    "active": "UPDATE identity_user SET is_active = false WHERE username = %s",
    "expires": "UPDATE identity_managementtoken t SET expires = now() FROM identity_user u"
    " WHERE u.id = t.person_id AND u.username = %s",
}


@pytest.fixture
def newcomer(new_context):
    """(page, name) of a person of this test, whose sessions end in it."""
    code, link, errors = programs.manage("invite", "--duty", "security-operations")
    assert code == 0, errors
    name = f"newcomer-{os.urandom(3).hex()}"
    with new_context() as context:
        page = context.new_page()
        accept(page, link.strip(), name=name)
        page.get_by_text("Set it up to continue").wait_for()
        set_up_factor(page, name)
        yield page, name


@pytest.mark.parametrize("change", CHANGES)
def test_a_token_dies_with_the_password_the_account_and_its_time(begin, terminal, newcomer, change):
    page, name = newcomer
    signed_in(begin, page, username=name)
    terminal.run("whoami")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute(CHANGES[change], [name])
    terminal.run("whoami", code=3)


def test_each_duty_keeps_its_own_work_and_nothing_more(begin, terminal, new_context):
    for role, refused in (("DEVELOPER", 4), ("AUDITOR", 1)):  # a developer learns nothing of others' vaults
        with new_context() as context:
            page = context.new_page()
            if role != "AUDITOR":
                sign_in(page, role)
            signed_in(begin, page, role)
            assert terminal.json("whoami")["duty"] == role.lower()
            terminal.run("key", "list", code=refused)
            terminal.run("vault", "list")


def test_an_auditors_token_reads_the_log_on_their_own_host_until_it_is_ended(begin, terminal, new_context):
    """The portal says at the sign-in where that is: its port is not the portal's."""
    with new_context() as context:
        page = context.new_page()
        signed_in(begin, page, "AUDITOR")
    assert json.loads(terminal.profile.read_text())["audit"] == os.environ["PORTAL_AUDIT_URL"]
    assert len(terminal.json("audit", "search", "--limit", "3")) == 3
    kept = terminal.profile.read_text()
    terminal.run("logout")
    terminal.profile.write_text(kept)
    terminal.profile.chmod(0o600)
    terminal.run("audit", "search", code=3)


def test_guessing_a_code_ends_before_it_can_succeed(begin, new_context):
    with new_context() as context:
        page = context.new_page()
        sign_in(page, "DEVELOPER")
        _, code = begin()
        statuses = [page.goto(f"{PORTAL}/device?code=BCDF-{'BCDFGHJK'[n % 8]}GHJ").status for n in range(60)]
        assert set(statuses) == {404, 429}
        assert statuses[0] == 404
        assert page.goto(f"{PORTAL}/device").status == 200
        del code


def test_nobody_sees_the_page_and_a_form_needs_its_token(new_context, secops_state):
    with new_context() as context:
        assert "/account/login/?next=/device" in context.request.get(f"{PORTAL}/device").url
    with new_context(storage_state=secops_state) as context:
        form = {"code": "BCDF-GHJK", "decision": "confirm"}
        assert context.request.post(f"{PORTAL}/device", form=form, headers={"Referer": PORTAL}).status == 403


def test_the_wire_is_that_of_rfc_8628_and_the_trail_knows(stack):
    http, api = stack.http(), f"{stack.portal_url}/api/v1/device"
    started = http.request("POST", api, fields={"label": "wire\x1b[31m"}, encode_multipart=False)
    result = started.json()
    assert set(result) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert started.headers["Cache-Control"] == "no-store"
    form = {"grant_type": GRANT_TYPE, "device_code": result["device_code"]}

    def ask(**change):
        answer = http.request("POST", f"{api}/token", fields={**form, **change}, encode_multipart=False)
        return answer.status, answer.json()["error"]

    assert ask() == (400, "authorization_pending")
    assert ask() == (400, "slow_down")
    time.sleep(result["interval"])
    assert ask() == (400, "authorization_pending")
    assert ask(device_code="unknown") == (400, "expired_token")
    assert ask(grant_type="password") == (400, "unsupported_grant_type")
    assert http.request("POST", api, body=b"{}", headers={"Content-Type": "application/json"}).status == 400
    assert http.request("GET", api).status == 405
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        stored = owner.execute("SELECT device_digest, user_code_mac, label FROM identity_devicerequest").fetchall()
    text = repr([[bytes(value) if isinstance(value, memoryview) else value for value in row] for row in stored])
    assert result["device_code"] not in text
    assert result["user_code"].replace("-", "") not in text
    assert "wire[31m" in [label for _, _, label in stored], "without the escape character"


def test_sign_ins_that_nobody_confirms_displace_the_oldest_of_their_address(stack):
    api, form, http = f"{stack.portal_url}/api/v1/device", {"label": "many"}, stack.http()

    def post(path, fields):
        return http.request("POST", f"{api}{path}", fields=fields, encode_multipart=False)

    try:
        answers = [post("", form) for _ in range(60)]
        assert {answer.status for answer in answers} == {200}
        errors = [
            post("/token", {"grant_type": GRANT_TYPE, "device_code": answers[n].json()["device_code"]}).json()["error"]
            for n in (0, -1)
        ]
        assert errors == ["expired_token", "authorization_pending"]
    finally:
        with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
            owner.execute("DELETE FROM identity_devicerequest")
