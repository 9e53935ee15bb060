"""Addresses that the command line derives from the portal's."""

import pytest

from apps.cli import urls
from apps.cli.errors import CliError

PORTAL = "https://portal.vault.example:8443"


def test_audit_host_can_have_another_port():
    assert urls.trusted_audit_url(PORTAL, "https://audit.vault.example:8444") == "https://audit.vault.example:8444"
    assert urls.trusted_audit_url(PORTAL, "https://audit.vault.example") == "https://audit.vault.example"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://audit.vault.example:8444",
        "https://audit.elsewhere.example",
        "https://audit.vault.example@elsewhere.example",
        "https://me@audit.vault.example",
        "https://audit.vault.example:port",
    ],
)
def test_audit_url_of_another_installation_is_not_trusted(url):
    assert urls.trusted_audit_url(PORTAL, url) == ""


PAGE = "https://audit.vault.example:8443/api/v1/audit/records"


def test_next_page_is_on_the_same_host():
    assert urls.next_page(PAGE, "") == ""
    assert urls.next_page(PAGE, f"{PAGE}?after=1") == f"{PAGE}?after=1"
    assert urls.next_page(PAGE, "/api/v1/audit/records?after=1") == f"{PAGE}?after=1"
    assert urls.next_page("https://a.example/keys", "https://A.example:443/keys?2") == "https://A.example:443/keys?2"


@pytest.mark.parametrize(
    "origin",
    [
        "//audit.vault.example:8443",
        "http://audit.vault.example:8443",
        "https://audit.vault.example",
        "https://elsewhere.example:8443",
        "https://audit.vault.example:8443@elsewhere.example",
        "https://audit.vault.example:8443?@elsewhere.example",
    ],
)
def test_token_is_not_sent_to_another_host(origin):
    with pytest.raises(CliError, match="another host"):
        urls.next_page(PAGE, f"{origin}/api/v1/audit/records")
