"""Which resources, scopes and token endpoints are ours."""

import pytest

from apps.core.principals import Audience
from apps.domain.identity.rules import ServiceAddresses

WITH_PORT, WITHOUT = ServiceAddresses("vault.example", 8443), ServiceAddresses("vault.example", 443)


@pytest.mark.parametrize("addresses", [WITH_PORT, WITHOUT], ids=["8443", "443"])
@pytest.mark.parametrize("ending", ["", "/"])
def test_a_resource_may_lack_the_port_and_end_in_a_slash(addresses, ending):
    for label, audience in (("", Audience.VAULTS), ("arm.", Audience.MANAGEMENT)):
        for port in ("", f":{addresses.port}"):
            for name in ("vault.example", "Vault.Example"):
                resource = f"https://{label}{name}{port}{ending}"
                assert addresses.find_audience(resource) is audience
                assert addresses.find_audience_of_scope(f"{resource}/.default") is audience
        assert addresses.find_audience(addresses.audience(audience) + ending) is audience


@pytest.mark.parametrize(
    "resource",
    ["", "/", "https", "https:", "https://", "vault.example", "http://vault.example", "https://vault.example//",
     "https://vault.example:8444", "https://vault.example:", "https://vault.example/x", "https://evil.example",
     "https://payroll.vault.example", "https://login.vault.example", "https://arm.vault.example.evil.example",
     "https://armvault.example", "https://arm.vault.example/subscriptions", "https://vault.example.evil.example", "https://vault.example:8443 ", "https://vault.net"],
)  # fmt: skip
def test_other_resources_are_not_ours(resource):
    for addresses in (WITH_PORT, WITHOUT):
        assert addresses.find_audience(resource) is None
        assert addresses.find_audience_of_scope(f"{resource}/.default") is None


@pytest.mark.parametrize("scope", ["", ".default", "/.default", "https://vault.example", "https://vault.example/", "https://vault.example/x", "https://vault.example/.defaults"])  # fmt: skip
def test_other_scopes_are_not_ours(scope):
    assert WITH_PORT.find_audience_of_scope(scope) is None


def test_the_token_endpoints_are_those_of_the_tenant_and_of_adfs_at_each_host():
    assert WITHOUT.token_endpoints("T") == {
        *("https://login.vault.example/T/oauth2/v2.0/token", "https://login.vault.example/T/oauth2/token"),
        *("https://auth.vault.example/T/oauth2/v2.0/token", "https://auth.vault.example/T/oauth2/token"),
        *("https://login.vault.example/adfs/oauth2/v2.0/token", "https://login.vault.example/adfs/oauth2/token"),
        *("https://auth.vault.example/adfs/oauth2/v2.0/token", "https://auth.vault.example/adfs/oauth2/token"),
        *("https://vault.example/T/oauth2/v2.0/token", "https://vault.example/T/oauth2/token"),
        *("https://vault.example/adfs/oauth2/v2.0/token", "https://vault.example/adfs/oauth2/token"),
    }
