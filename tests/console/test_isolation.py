"""duty x page x method, generated from the addresses: a new page cannot be left out."""

import re

import pytest
from django.urls import get_resolver

from tests.support import people
from tests.support.people import PORTAL, sign_in

UUID = "00000000-0000-0000-0000-000000000000"
SAMPLES = {
    "name": "demo-europe",
    "kind": "keys",
    "item": "no-such-key",
    "version": "0" * 32,
    "username": "nobody-known",
    "group": "nobody-known",
}


def pages():
    """(address, methods) of every page of every duty's portal."""
    for pattern in get_resolver("apps.interfaces.console.security_operations.urls").url_patterns:
        path = re.sub(r"<uuid:\w+>", UUID, str(pattern.pattern))
        path = re.sub(r"<str:(\w+)>", lambda found: SAMPLES[found.group(1)], path)
        yield f"{PORTAL}/secops/{path}", sorted(pattern.callback.view_class.permissions)


ALL = list(pages())


@pytest.fixture(scope="session", params=["DEVELOPER", "AUDITOR"])
def other_duty(request, new_context):
    """The browser of somebody with another duty, and the token for their forms."""
    with new_context() as context:
        sign_in(context.new_page(), request.param)
        yield context, csrf(context)


def test_every_page_declares_its_methods():
    assert len(ALL) >= 29
    assert all(methods for _, methods in ALL)


@pytest.mark.parametrize("url", [url for url, _ in ALL])
def test_another_dutys_people_get_404_whatever_the_method(other_duty, url):
    context, token = other_duty
    assert context.request.get(url).status == 404
    assert context.request.post(url, form={"csrfmiddlewaretoken": token}, headers={"Referer": url}).status == 404


@pytest.mark.parametrize("url", [url for url, _ in ALL])
def test_nobody_gets_the_sign_in_page(nobody, url):
    answer = nobody.request.get(url)
    assert answer.status == 200
    assert "/account/login/?next=/secops/" in answer.url


@pytest.mark.parametrize("url", [url for url, methods in ALL if "post" in methods])
def test_a_form_without_its_token_is_refused(security_operations, url):
    answer = security_operations.request.post(url, form={"name": "x"}, headers={"Referer": url})
    assert answer.status == 403
    headers = {"Content-Type": "text/plain", "Referer": url}
    assert security_operations.request.post(url, data="{}", headers=headers).status == 403


@pytest.mark.parametrize(("url", "methods"), ALL)
def test_a_page_answers_its_own_methods_only(security_operations, url, methods):
    for method in {"get", "put", "delete", "patch"} - set(methods):
        answer = security_operations.request.fetch(url, method=method, headers={"Referer": url})
        assert answer.status in {403, 405}, method  # 403: no token came with it


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
    from azure.identity import ClientSecretCredential
    from azure.keyvault.secrets import SecretClient

    client = SecretClient(stack.vault_url, stack.credential(ClientSecretCredential), connection_verify=stack.ca)
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


def csrf(context):
    page = context.new_page()
    page.goto(f"{PORTAL}/account/logout/")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    page.close()
    return token
