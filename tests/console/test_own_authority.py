"""The certificate authority of one's own: offered to everybody as it is, and never anything beside the certificate."""

from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404
from django.test import RequestFactory

from apps.interfaces.console import landing
from tests.support.audit_portal import AUDIT
from tests.support.people import PORTAL
from tests.support.screenshots import accessible, picture
from vaultportal.env import env_certificates


@pytest.fixture
def authority(stack):
    return Path(stack.ca).read_bytes()


@pytest.mark.parametrize("host", [PORTAL, AUDIT])
def test_anybody_downloads_the_very_file_from_both_portals(new_context, authority, host):
    with new_context() as context:
        answer = context.request.get(f"{host}/ca.pem")
        assert answer.status == 200
        assert answer.body() == authority
        assert answer.body().count(b"-----BEGIN ") == 1 and b"PRIVATE" not in answer.body()
        assert answer.headers["content-disposition"] == 'attachment; filename="vault-portal-ca.pem"'
        page = context.new_page()
        page.goto(f"{host}/")
        with page.expect_download() as download:
            page.get_by_role("link", name="vault-portal-ca.pem").click()
        assert download.value.path().read_bytes() == authority


def test_it_stands_where_snippets_and_an_applications_environment_are_shown(page, lived_in):
    lines = {
        "python": "REQUESTS_CA_BUNDLE",
        "javascript": "NODE_EXTRA_CA_CERTS",
        "curl": "CURL_CA_BUNDLE",
        "cli": "PORTAL_CA",
    }
    for language, variable in lines.items():
        page.goto(f"{PORTAL}/secops/vaults/demo-europe/keys/pictured?tab=use&lang={language}")
        assert page.locator("#trust").text_content() == f'export {variable}="$PWD/vault-portal-ca.pem"'
        assert page.get_by_role("link", name="Download vault-portal-ca.pem").get_attribute("href") == "/ca.pem"
    page.goto(f"{PORTAL}/secops/applications/new")
    page.get_by_label("Name", exact=True).fill("app-that-trusts")
    page.get_by_role("button", name="Create application identity").click()
    for variable in ("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        assert f'export {variable}="$PWD/vault-portal-ca.pem"' in page.locator("#trust").text_content()
    picture(page, "application-made")
    accessible(page)


def test_a_copy_button_covers_no_line(page, lived_in):
    page.goto(f"{PORTAL}/secops/vaults/demo-europe/keys/pictured?tab=use&lang=curl")
    for shown in ("#trust", "#snippet"):
        text, button = page.locator(shown).bounding_box(), page.locator(f"[data-copy='{shown}']").bounding_box()
        assert text["x"] + text["width"] <= button["x"] or text["y"] >= button["y"] + button["height"]


def test_without_the_setting_there_is_no_file_and_no_link(settings):
    settings.OWN_CA = b""
    request = RequestFactory().get("/")
    request.user, request.urlconf = AnonymousUser(), "vaultportal.urls.portal_host"
    with pytest.raises(Http404):
        landing.own_authority(request)
    settings.ROOT_URLCONF = "vaultportal.urls.portal_host"
    assert b"ca.pem" not in landing.front(request).content
    settings.OWN_CA = b"a certificate"
    assert b"/ca.pem" in landing.front(request).content


def test_a_file_with_more_than_certificates_stops_the_start(authority, tmp_path, monkeypatch):
    file = tmp_path / "ca.pem"
    monkeypatch.setenv("OWN_CA_FILE", str(file))
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        env_certificates("OWN_CA")
    file.write_bytes(authority)
    assert env_certificates("OWN_CA") == authority
    file.write_bytes(authority + b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ImproperlyConfigured, match="more than certificates"):
        env_certificates("OWN_CA")
    file.write_text("no certificate")
    with pytest.raises(ImproperlyConfigured, match="no certificate in PEM"):
        env_certificates("OWN_CA")
    monkeypatch.delenv("OWN_CA_FILE")
    assert env_certificates("OWN_CA") == b""
