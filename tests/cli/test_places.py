"""Addresses that the command line finds by itself."""

import pytest

from apps.cli import places

PORTAL = "https://portal.vault.example:8443"


def test_the_auditors_host_may_have_a_port_of_its_own():
    assert places.audit_told(PORTAL, "https://audit.vault.example:8444") == "https://audit.vault.example:8444"
    assert places.audit_told(PORTAL, "https://audit.vault.example") == "https://audit.vault.example"


@pytest.mark.parametrize(
    "told",
    [
        "",
        "http://audit.vault.example:8444",
        "https://audit.elsewhere.example",
        "https://audit.vault.example@elsewhere.example",
        "https://me@audit.vault.example",
        "https://audit.vault.example:port",
    ],
)
def test_a_token_goes_to_no_other_installation(told):
    assert places.audit_told(PORTAL, told) == ""
