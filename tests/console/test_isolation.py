"""portal x page x method, generated from the addresses: a new page cannot be left out."""

import contextlib
import inspect
import os
import re
from urllib.parse import urlsplit

import psycopg
import pytest
from django.urls import get_resolver

from apps.domain.identity.rules import session_key_of
from tests.support import people
from tests.support.audit_portal import AUDIT
from tests.support.people import PORTAL, sign_in

UUID = "00000000-0000-0000-0000-000000000000"
SAMPLES = {
    "name": "demo-europe",
    "kind": "keys",
    "item": "no-such-key",
    "version": "0" * 32,
    "username": "nobody-known",
    "group": "nobody-known",
    "webhook": "00000000-0000-0000-0000-000000000000",
}


PORTALS = {  # portal -> (module of its addresses, where they begin, who else has a portal)
    "secops": ("security_operations.urls", f"{PORTAL}/secops", ("DEVELOPER", "AUDITOR")),
    "dev": ("developers.urls", f"{PORTAL}/dev", ("SECOPS", "AUDITOR")),
    "auditors": ("auditors.pages", AUDIT, ()),  # on a host of their own: test_auditors_pages.py
}


def pages(portal):
    """(portal, address, methods) of every page of a portal."""
    module, begin, _ = PORTALS[portal]
    for pattern in get_resolver(f"apps.interfaces.console.{module}").url_patterns:
        path = re.sub(r"<uuid:\w+>", UUID, str(pattern.pattern))
        path = re.sub(r"<str:(\w+)>", lambda found: SAMPLES[found.group(1)], path)
        page = pattern.callback.view_class
        assert not inspect.isabstract(page), page
        yield portal, f"{begin}/{path}", sorted(page.permissions)


ALL = [page for portal in PORTALS for page in pages(portal)]
OTHERS = [(role, url) for portal, url, _ in ALL for role in PORTALS[portal][2]]


@contextlib.contextmanager
def session_of_an_auditor(context, auditor_state):
    """The session of the auditors' host in the portal's table as well, and its cookie in this browser."""
    value = next(cookie["value"] for cookie in auditor_state["cookies"] if cookie["name"] == "__Host-audit-session")
    copy = "INSERT INTO django_session SELECT * FROM identity_auditorsession WHERE session_key = %s"
    key = [session_key_of(value)]
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        assert owner.execute(copy, key).rowcount == 1
        context.add_cookies([{"name": "__Host-session", "value": value, "url": PORTAL, "secure": True}])
        yield
        owner.execute("DELETE FROM django_session WHERE session_key = %s", key)


@pytest.fixture(scope="module")
def of_role(new_context, auditor_state):
    """The browser of somebody with a role, and the token for their forms."""
    signed_in, contexts = {}, contextlib.ExitStack()

    def browser(role):
        if role not in signed_in:
            context = contexts.enter_context(new_context())
            if role == "AUDITOR":  # who cannot sign in at the portal
                signed_in[role] = context, csrf(context, "account/login/")
                contexts.enter_context(session_of_an_auditor(context, auditor_state))
            else:
                sign_in(context.new_page(), role)
                signed_in[role] = context, csrf(context)
        return signed_in[role]

    with contexts:
        yield browser


@pytest.fixture(scope="module")
def own(new_context, secops_state, developer_state, auditor_state):
    """{portal: the browser of somebody whose portal it is}."""
    with (
        new_context(storage_state=secops_state) as secops,
        new_context(storage_state=developer_state) as dev,
        new_context(storage_state=auditor_state) as auditors,
    ):
        yield {"secops": secops, "dev": dev, "auditors": auditors}


def test_every_page_declares_its_methods():
    assert len(list(pages("secops"))) >= 29
    assert len(list(pages("dev"))) >= 25
    assert all(methods for _, _, methods in ALL)


@pytest.mark.parametrize(("role", "url"), OTHERS)
def test_people_of_another_portal_get_404_whatever_the_method(of_role, role, url):
    context, token = of_role(role)
    assert context.request.get(url).status == 404
    assert context.request.post(url, form={"csrfmiddlewaretoken": token}, headers={"Referer": url}).status == 404


@pytest.mark.parametrize(("portal", "url", "methods"), ALL)
def test_nobody_gets_the_sign_in_page(nobody, portal, url, methods):
    answer = nobody.request.get(url)
    if answer.status == 405:  # the auditors' host looks at the method first
        assert portal == "auditors" and "get" not in methods
    else:
        assert answer.status == 200
        assert f"/account/login/?next={urlsplit(PORTALS[portal][1]).path}/" in answer.url


@pytest.mark.parametrize(("portal", "url"), [(portal, url) for portal, url, methods in ALL if "post" in methods])
def test_a_form_without_its_token_is_refused(own, portal, url):
    request, headers = own[portal].request, {"Referer": url}
    assert request.post(url, form={"name": "x"}, headers=headers).status == 403
    assert request.post(url, data="{}", headers={**headers, "Content-Type": "text/plain"}).status == 403


@pytest.mark.parametrize(("portal", "url", "methods"), ALL)
def test_a_page_answers_its_own_methods_only(own, portal, url, methods):
    for method in {"get", "post", "put", "delete", "patch"} - set(methods):
        answer = own[portal].request.fetch(url, method=method, headers={"Referer": url})
        # 403: no token came with it. Of the vault, which is not theirs, developers learn nothing.
        assert answer.status in ({403, 404, 405} if portal == "dev" else {403, 405}), method


def test_a_person_without_a_second_factor_gets_no_further_than_setting_one_up(page, new_context):
    link = people.invitation(page)
    with new_context() as context:
        invited = context.new_page()
        people.accept(invited, link, name="half-way")
        for path in ("", "secops/", "api/v1/whoami", "account/sessions/"):
            invited.goto(f"{PORTAL}/{path}")
            assert invited.url.endswith("/account/2fa/")
    with new_context() as context:
        assert context.new_page().goto(link).status == 404  # works once


XSS = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}"


def test_hostile_texts_show_as_text(page, stack):
    """Names are restricted; content types, tags, notes, user agents and application names are the caller's."""
    from azure.keyvault.secrets import SecretClient

    client = stack.sdk(SecretClient)
    client.set_secret("hostile", "v", content_type=XSS, tags={"t": XSS})
    page.goto(f"{PORTAL}/secops/applications/new")
    page.get_by_label("Name", exact=True).fill(XSS.replace(":", ""))
    page.get_by_role("button", name="Create application identity").click()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for path in (
        "applications",
        "access",
        "vaults/demo-europe?tab=secrets&q=hostile",
        f"search?q={XSS}",
        f"vaults?q={XSS}",
    ):
        page.goto(f"{PORTAL}/secops/{path}")
        assert page.locator("main img").count() == 0
        assert "49" not in page.locator("h1").text_content()
    page.goto(f"{PORTAL}/secops/vaults/demo-europe?tab=secrets&q=hostile")
    assert page.get_by_text("<script>alert(1)</script>").first.is_visible()
    assert not dialogs


def csrf(context, path="account/logout/"):
    page = context.new_page()
    page.goto(f"{PORTAL}/{path}")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    page.close()
    return token
