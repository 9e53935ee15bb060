"""Every page of developers: in every theme and on a narrow screen it shows, reads aloud and breaks no policy."""

import pytest
from django.urls import get_resolver

from apps.interfaces.console.code_samples import LANGUAGES
from tests.support.developers import ME
from tests.support.people import PORTAL, confirm
from tests.support.screenshots import look_at

PAGES = {
    "overview": "",
    "search": "search?q=signing",
    "search_nothing": "search?q=demo-europe",
    "calendar": "calendar",
    "usage": "usage",
    "explain": "explain",
    "explain_unknown": "explain?id=00000000-0000-0000-0000-000000000000",
    "vaults": "vaults",
    "vault_new": "vaults/new",
    "vault": "vaults/VAULT",
    "vault_secrets": "vaults/VAULT?tab=secrets",
    "vault_empty": "vaults/VAULT?tab=certificates",
    "vault_usage": "vaults/VAULT?tab=usage",
    "vault_access": "vaults/VAULT/access",
    "bench": "vaults/VAULT/bench",
    "key_new": "vaults/VAULT/new-key",
    "secret_new": "vaults/VAULT/new-secret",
    "secret_edit": "vaults/VAULT/secrets/password/edit",
    "object": "vaults/VAULT/keys/signing",
    "object_use": "vaults/VAULT/keys/signing?tab=use",
    "object_use_go": "vaults/VAULT/keys/signing?tab=use&lang=go",
    "object_usage": "vaults/VAULT/keys/signing?tab=usage",
    "object_secret": "vaults/VAULT/secrets/password",
    "applications": "applications",
    "application_new": "applications/new",
    "application": "applications/CLIENT",
}


def address(bench, name):
    path = PAGES[name].replace("VAULT", bench.vault).replace("CLIENT", bench.environment["AZURE_CLIENT_ID"])
    return f"{PORTAL}/dev/{path}"


def test_the_list_of_pages_is_whole():
    patterns = get_resolver("apps.interfaces.console.developers.urls").url_patterns
    names = {p.name for p in patterns if "get" in p.callback.view_class.permissions}
    assert names <= set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_in_each_theme_and_fits_a_narrow_screen(dev, bench, name):
    answer = dev.goto(address(bench, name))
    if "reauthenticate" in dev.url:
        confirm(dev, ME)
        answer = dev.goto(address(bench, name))
    assert (answer.status, answer.url) == (200, address(bench, name))
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "battery staple" not in dev.content()
    look_at(dev, f"dev-{name}")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", [language.word for language in LANGUAGES])
def test_the_copy_button_lies_over_no_line(dev, bench, language, width):
    dev.set_viewport_size({"width": width, "height": 860})
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/keys/signing?tab=use&lang={language}")
    lies_over = """() => {
      const range = document.createRange();
      range.selectNodeContents(document.querySelector("#snippet"));
      const button = document.querySelector(".snippet:has(#snippet) button").getBoundingClientRect();
      return [...range.getClientRects()].some(
        line => line.bottom > button.top && line.top < button.bottom && line.right > button.left);
    }"""
    assert dev.evaluate(lies_over) is False


def test_pages_read_without_javascript(new_context, developer_state, bench):
    with new_context(storage_state=developer_state, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{PORTAL}/dev/vaults/{bench.vault}")
        assert page.get_by_role("link", name="signing").is_visible()
        page.goto(f"{PORTAL}/dev/vaults/{bench.vault}/keys/signing?tab=use")
        page.get_by_role("button", name="Run a test call").click()
        assert page.get_by_text("succeeded").is_visible()
