"""Which hosts are ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.interfaces.keyvault_api.hosts import host_of


@pytest.fixture(autouse=True)
def _addresses(settings):
    from apps.interfaces.keyvault_api import hosts

    settings.VAULT_SUFFIX, settings.OWN_PORT = "vault.localhost", 8443
    hosts._parse.cache_clear()
    yield
    hosts._parse.cache_clear()


@pytest.mark.parametrize(
    ("host", "label", "origin"),
    [
        ("payroll.vault.localhost:8443", "payroll", "https://payroll.vault.localhost:8443"),
        ("PAYROLL.Vault.LocalHost:8443", "payroll", "https://payroll.vault.localhost:8443"),
        ("payroll.vault.localhost", "payroll", "https://payroll.vault.localhost"),
        ("payroll.vault.localhost:443", "payroll", "https://payroll.vault.localhost"),
        ("payroll.vault.localhost.:8443", "payroll", "https://payroll.vault.localhost:8443"),
        ("login.vault.localhost:8443", "login", "https://login.vault.localhost:8443"),
    ],
)
def test_hosts_that_are_ours(host, label, origin):
    assert host_of({"HTTP_HOST": host}) == (label, origin)


@pytest.mark.parametrize(
    "host",
    ["", "vault.localhost", ".vault.localhost", "a.b.vault.localhost", "payroll.vault.localhost.evil.example",
     "payroll.vault.localhost:8444", "payroll.vault.localhost:", "payroll.vault.localhost:x", "127.0.0.1",
     "[::1]", "user@payroll.vault.localhost", "payroll.vault.localhost, evil.example", "pay_roll.vault.localhost",
     "-a.vault.localhost", "a-.vault.localhost", "payroll.vault.localhost..", "p\u00e4y.vault.localhost"],
)  # fmt: skip
def test_hosts_that_are_not(host):
    assert host_of({"HTTP_HOST": host}) is None


def test_forwarding_headers_are_not_believed():
    environ = {"HTTP_HOST": "evil.example", "HTTP_X_FORWARDED_HOST": "payroll.vault.localhost:8443"}
    assert host_of(environ) is None


@given(st.text(max_size=80))
def test_whatever_comes_an_origin_is_ours_or_nothing(host):
    found = host_of({"HTTP_HOST": host})
    assert found is None or found.origin in (
        f"https://{found.label}.vault.localhost",
        f"https://{found.label}.vault.localhost:8443",
    )
