"""Which resources, scopes and token endpoints are ours."""

import pytest

from apps.domain.identity.rules import ServiceAddresses

WITH_PORT, WITHOUT = ServiceAddresses("vault.example", 8443), ServiceAddresses("vault.example", 443)


@pytest.mark.parametrize("addresses", [WITH_PORT, WITHOUT], ids=["8443", "443"])
@pytest.mark.parametrize("ending", ["", "/"])
def test_a_resource_may_lack_the_port_and_end_in_a_slash(addresses, ending):
    assert addresses.is_resource(addresses.resource + ending)
    assert addresses.is_resource(f"https://vault.example{ending}")
    assert addresses.is_resource(f"https://vault.example:{addresses.port}{ending}")
    assert addresses.is_resource(f"https://Vault.Example{ending}")
    assert addresses.is_scope(f"{addresses.resource}{ending}/.default")
    assert addresses.is_scope(f"https://vault.example{ending}/.default")


@pytest.mark.parametrize(
    "resource",
    ["", "/", "https", "https:", "https://", "vault.example", "http://vault.example", "https://vault.example//",
     "https://vault.example:8444", "https://vault.example:", "https://vault.example/x", "https://evil.example",
     "https://payroll.vault.example", "https://vault.example.evil.example", "https://vault.example:8443 ", "https://vault.net"],
)  # fmt: skip
def test_other_resources_are_not_ours(resource):
    for addresses in (WITH_PORT, WITHOUT):
        assert not addresses.is_resource(resource)
        assert not addresses.is_scope(f"{resource}/.default")


@pytest.mark.parametrize("scope", ["", ".default", "/.default", "https://vault.example", "https://vault.example/", "https://vault.example/x", "https://vault.example/.defaults"])  # fmt: skip
def test_other_scopes_are_not_ours(scope):
    assert not WITH_PORT.is_scope(scope)


def test_the_token_endpoints_are_those_of_the_tenant_and_of_adfs_at_both_hosts():
    assert WITHOUT.token_endpoints("T") == {
        *("https://login.vault.example/T/oauth2/v2.0/token", "https://login.vault.example/T/oauth2/token"),
        *("https://auth.vault.example/T/oauth2/v2.0/token", "https://auth.vault.example/T/oauth2/token"),
        *("https://login.vault.example/adfs/oauth2/v2.0/token", "https://login.vault.example/adfs/oauth2/token"),
        *("https://auth.vault.example/adfs/oauth2/v2.0/token", "https://auth.vault.example/adfs/oauth2/token"),
    }
