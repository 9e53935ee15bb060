"""Addresses that the command line derives from the portal's."""

import pytest

from apps.cli import urls

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
