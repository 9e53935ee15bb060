"""azure-identity with environment variables alone: no argument names our authority, and Microsoft is asked nothing."""

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential, EnvironmentCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential
from azure.keyvault.secrets import SecretClient
from azure.keyvault.secrets.aio import SecretClient as AsyncSecretClient

from tests.support.identity_agent import make_application
from tests.support.management import vault_name


@pytest.fixture
def environment(monkeypatch, stack):
    """The variables of docs/developers.md; requests to other hosts go nowhere."""
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", stack.authority)
    monkeypatch.setenv("AZURE_TENANT_ID", "adfs")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", ".localhost")
    return monkeypatch


@pytest.fixture
def certificate(environment, management, stack, tmp_path):
    client_id, file = make_application(management, vault_name(stack.vault_url), tmp_path)
    environment.delenv("AZURE_CLIENT_SECRET")
    environment.setenv("AZURE_CLIENT_ID", client_id)
    environment.setenv("AZURE_CLIENT_CERTIFICATE_PATH", str(file))


@pytest.mark.parametrize("kind", [DefaultAzureCredential, EnvironmentCredential])
def test_with_a_secret(environment, stack, name, kind):
    with kind() as credential, SecretClient(stack.vault_url, credential) as client:
        assert client.set_secret(name, "v").value == "v"


def test_with_a_certificate(certificate, stack, name):
    with DefaultAzureCredential() as credential, SecretClient(stack.vault_url, credential) as client:
        assert client.set_secret(name, "v").value == "v"


async def test_asynchronous_clients_with_a_secret(environment, stack, name):
    async with AsyncDefaultAzureCredential() as credential, AsyncSecretClient(stack.vault_url, credential) as client:
        assert (await client.set_secret(name, "v")).value == "v"


async def test_asynchronous_clients_with_a_certificate(certificate, stack, name):
    async with AsyncDefaultAzureCredential() as credential, AsyncSecretClient(stack.vault_url, credential) as client:
        assert (await client.set_secret(name, "v")).value == "v"


def test_a_wrong_secret_is_refused(environment, stack):
    environment.setenv("AZURE_CLIENT_SECRET", "wrong")
    environment.setenv("AZURE_CLIENT_ID", stack.stranger_id)
    client = SecretClient(stack.vault_url, EnvironmentCredential())
    with client, pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        client.get_secret("x")
