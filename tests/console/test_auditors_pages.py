"""Every page of auditors: in every theme and on a narrow screen it shows, reads aloud, breaks no policy, and is theirs."""

import os
import re

import psycopg
import pytest
from django.urls import get_resolver
from playwright.sync_api import expect

from apps.domain.identity.rules import session_key_of
from tests.support import people
from tests.support.audit_portal import AUDIT
from tests.support.people import PORTAL
from tests.support.screenshots import accessible, look_at

UUID = "00000000-0000-0000-0000-000000000000"
PAGES = {
    "records": "records",
    "records_filtered": "records?vault=demo-europe&operation=SecretSet&status=done&last=1h",
    "records_empty": "records?caller=nobody-at-all",
    "records_live": "records?vault=demo-europe&live=1",
    "record": "records/{record}",
    "integrity": "integrity?vault=demo-europe",
    "queue": "queue",
    "access": "access?vault=demo-europe",
    "patterns": "patterns?vault=demo-europe",
    "packs": "evidence",
    "reading": "reading",
}
ALL = [
    re.sub(r"<uuid:\w+>", UUID, str(pattern.pattern))
    for pattern in get_resolver("apps.interfaces.console.auditors.pages").url_patterns
]
XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"


@pytest.fixture(scope="session")
def something(stack):
    """Records to look at, with texts that a caller has chosen; the id of the request that left one of them."""
    from azure.identity import ClientSecretCredential
    from azure.keyvault.secrets import SecretClient

    credential = stack.credential(ClientSecretCredential)
    client = SecretClient(stack.vault_url, credential, connection_verify=stack.ca, user_agent=XSS)
    client.set_secret("looked-at", "v", content_type=XSS, tags={"t": XSS})
    for _ in range(12):
        stack.http().request(
            "GET",
            f"{stack.vault_url}/secrets/looked-at?api-version=7.6",
            headers={"Authorization": f"Bearer {stack.token(stranger=True)}", "User-Agent": XSS},
        )


@pytest.fixture(scope="module")
def auditors_browser(new_context, auditor_state):
    """Their browser, for requests."""
    with new_context(storage_state=auditor_state) as context:
        yield context


@pytest.fixture(scope="module")
def paths(something, auditors_browser):
    """The addresses, with a record that exists."""
    page = auditors_browser.new_page()
    page.goto(f"{AUDIT}/records?object=secrets/looked-at")
    link = page.locator("#rows a").first.get_attribute("href")
    page.close()
    return {name: path.format(record=link.rsplit("/", 1)[1]) for name, path in PAGES.items()}


def test_the_list_of_pages_is_whole():
    names = {
        pattern.name
        for pattern in get_resolver("apps.interfaces.console.auditors.pages").url_patterns
        if "get" in pattern.callback.view_class.permissions
    }
    assert names - {"search", "pack"} <= {name.split("_")[0] for name in PAGES}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_in_each_theme_and_fits_a_narrow_screen(auditor, paths, name):
    answer = auditor.goto(f"{AUDIT}/{paths[name]}")
    assert answer.status == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    look_at(auditor, f"auditor-{name}")


def test_pages_read_without_javascript(new_context, auditor_state, something):
    with new_context(storage_state=auditor_state, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{AUDIT}/records?object=secrets/looked-at")
        assert page.locator("#rows tr").count() >= 1


def test_the_way_in_is_accessible(new_context):
    with new_context() as context:
        page = context.new_page()
        for path in ("", "account/login/"):
            page.goto(f"{AUDIT}/{path}")
            accessible(page)


def test_hostile_texts_show_as_text(auditor, paths):
    dialogs = []
    auditor.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for name, path in paths.items():
        auditor.goto(f"{AUDIT}/{path}")
        assert auditor.locator("main img").count() == 0, name
    for query in (f"caller={XSS}", f"object={XSS}", f"operation={XSS}", f"vault={XSS}", f"from={XSS}", f"q={XSS}"):
        auditor.goto(f"{AUDIT}/records?{query}")
        assert auditor.locator("main img").count() == 0, query
    auditor.goto(f"{AUDIT}/{paths['record']}")
    expect(auditor.get_by_text("<script>alert(1)</script>").first).to_be_visible()
    assert not dialogs


# --- Nobody else's ---


@pytest.fixture(scope="module")
def other_dutys_session(new_context, secops_state):
    """A browser that shows the session of security operations on the auditors' host, in whose table it is as well."""
    value = next(cookie["value"] for cookie in secops_state["cookies"] if cookie["name"] == "__Host-session")
    with new_context() as context, psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        context.add_cookies([{"name": "__Host-audit-session", "value": value, "url": AUDIT, "secure": True}])
        assert context.request.get(f"{AUDIT}/records").url.startswith(f"{AUDIT}/account/login/"), "unknown here"
        context.add_cookies([{"name": "__Host-audit-session", "value": value, "url": AUDIT, "secure": True}])
        copy = "INSERT INTO identity_auditorsession SELECT * FROM django_session WHERE session_key = %s"
        key = [session_key_of(value)]
        assert owner.execute(copy, key).rowcount == 1
        yield context
        owner.execute("DELETE FROM identity_auditorsession WHERE session_key = %s", key)


@pytest.mark.parametrize("path", [*ALL, "api/v1/audit/records", "account/sessions/", ""])
def test_a_session_of_another_duty_finds_nothing_on_this_host(other_dutys_session, path):
    assert other_dutys_session.request.get(f"{AUDIT}/{path}").status == 404


@pytest.mark.parametrize("role", ["SECOPS", "DEVELOPER"])
def test_another_duty_cannot_sign_in_here(new_context, role):
    with new_context() as context:
        page = context.new_page()
        username, password = os.environ[f"PORTAL_USER_{role}"], os.environ[f"PORTAL_PASSWORD_{role}"]
        people.give_password(page, username, password, AUDIT)
        expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
        assert context.request.get(f"{AUDIT}/records").url.startswith(f"{AUDIT}/account/login/")


def test_the_normal_web_knows_no_auditors_host(stack):
    port = os.environ["PUBLIC_PORT"]
    for path in ("/", "/records", "/api/v1/audit/records", "/static/portal.css"):
        answer = stack.http().request("GET", f"https://audit.vault.localhost:{port}{path}")
        assert answer.status == 404


def test_the_auditors_web_knows_no_other_host(stack):
    port = os.environ["AUDITORS_PORT"]
    for host, path in (("portal", "/secops/"), ("portal", "/api/v1/vaults"), ("login", "/"), ("demo-europe", "/keys")):
        answer = stack.http().request("GET", f"https://{host}.vault.localhost:{port}{path}")
        assert answer.status == 404
    for path in ("/secops/", "/api/v1/vaults", "/api/v1/whoami", "/invitation/x", "/keys"):
        assert stack.http().request("GET", f"{AUDIT}{path}").status == 404


def test_the_portal_shows_an_auditor_the_way(new_context, auditor_state):
    with new_context() as context:
        page = context.new_page()
        people.give_password(page, os.environ["PORTAL_USER_AUDITOR"], os.environ["PORTAL_PASSWORD_AUDITOR"])
        assert page.url.startswith(PORTAL)
        assert page.get_by_role("link", name=AUDIT).get_attribute("href") == f"{AUDIT}/"
        page.goto(PORTAL)
        expect(page.get_by_role("link", name="Sign in").first).to_be_visible()  # a password alone opened nothing


def test_cookies_are_of_this_host_alone_and_unreadable(auditor_state):
    session = next(cookie for cookie in auditor_state["cookies"] if cookie["name"] == "__Host-audit-session")
    assert (session["httpOnly"], session["secure"], session["domain"]) == (True, True, "audit.vault.localhost")
