"""`portal agent`: the managed identity of a machine that has a client certificate."""

import stat
from urllib.parse import urlsplit

import pytest
import urllib3
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError, DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from tests.support.identity_agent import make_application, running_agent
from tests.support.management import vault_name

pytestmark = pytest.mark.stack
IMDS = "/metadata/identity/oauth2/token"


@pytest.fixture(scope="module")
def application(management, stack, tmp_path_factory):
    return make_application(management, vault_name(stack.vault_url), tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def agent(stack, application, tmp_path_factory):
    """(directory, variables, what it printed); it answers as IMDS too."""
    directory = tmp_path_factory.mktemp("agent")
    with running_agent(stack, directory, *application, "--imds") as (variables, printed):
        yield directory, variables, printed


@pytest.fixture
def environment(monkeypatch, agent):
    """The environment of a program on that machine: nothing but the agent's variables."""
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    for name, value in agent[1].items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def ask(agent, stack):
    endpoint = agent[1]["IDENTITY_ENDPOINT"]
    resource = "https://" + stack.vault_url.split(".", 1)[1]

    def send(path="", *, secret=agent[1]["IDENTITY_HEADER"], headers=None, **query):
        url = f"http://{urlsplit(endpoint).netloc}{path}" if path else endpoint
        sent = {**({"X-IDENTITY-HEADER": secret} if secret else {}), **(headers or {})}
        return urllib3.request("GET", url, fields={"resource": resource, **query}, headers=sent, retries=False)

    return send


def test_programs_on_the_machine_work_without_a_change(stack, environment, name):
    for kind in (ManagedIdentityCredential, DefaultAzureCredential):
        with kind() as credential, SecretClient(stack.vault_url, credential) as client:
            client.set_secret(name, kind.__name__)
            assert client.get_secret(name).value == kind.__name__


def test_programs_that_ask_the_metadata_service_work_too(stack, environment, agent, name):
    address = urlsplit(agent[1]["IDENTITY_ENDPOINT"]).netloc
    for variable in agent[1]:
        environment.delenv(variable)
    environment.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://{address}")
    for kind in (ManagedIdentityCredential, DefaultAzureCredential):
        with kind() as credential, SecretClient(stack.vault_url, credential) as client:
            assert client.set_secret(name, "v").value == "v"


def test_identity_of_another_name_is_not_found(stack, environment, application):
    own = ManagedIdentityCredential(client_id=application[0])
    assert SecretClient(stack.vault_url, own).list_properties_of_secrets()
    other = ManagedIdentityCredential(client_id=stack.client_id)
    with pytest.raises((ClientAuthenticationError, CredentialUnavailableError), match="Identity not found"):
        other.get_token("https://" + stack.vault_url.split(".", 1)[1] + "/.default")


def test_token_is_given_again_until_shortly_before_it_expires(ask):
    first, second = ask(), ask()
    assert first.json()["access_token"] == second.json()["access_token"]
    assert 300 < int(first.json()["expires_in"]) <= 3599
    assert first.headers["Cache-Control"] == "no-store"


def test_others_get_no_token(ask):
    for answer in (ask(secret=""), ask(secret="wrong"), ask(IMDS, secret=""), ask(headers={"Host": "evil.example"})):
        assert answer.status in (400, 401, 403)
        assert "access_token" not in answer.json()


def test_nothing_secret_is_printed_or_readable_by_others(agent, ask):
    directory, variables, printed = agent
    token = ask().json()["access_token"]
    ask(secret="wrong")
    assert stat.S_IMODE((directory / "agent.env").stat().st_mode) == 0o600
    for secret in (variables["IDENTITY_HEADER"], token, "PRIVATE KEY", "wrong"):
        assert secret not in printed()
    assert urlsplit(variables["IDENTITY_ENDPOINT"]).hostname == "127.0.0.1"


def test_secret_survives_a_restart_and_without_the_option_there_is_no_metadata_service(stack, application, tmp_path):
    with running_agent(stack, tmp_path, *application) as (first, _):
        pass
    with running_agent(stack, tmp_path, *application) as (second, _):
        assert first["IDENTITY_HEADER"] == second["IDENTITY_HEADER"]
        url = f"http://{urlsplit(second['IDENTITY_ENDPOINT']).netloc}{IMDS}"
        assert urllib3.request("GET", url, headers={"Metadata": "true"}, retries=False).status == 404


def test_mistakes_are_told_at_the_start(signed_out, application, stack, tmp_path):
    client_id, file = application

    def agent(*words, code=2, **more):
        return signed_out.run("agent", "--client-id", client_id, "--port", "0", *words, code=code, **more).stderr

    environment = ("--env-file", "agent.env")
    assert "IDENTITY_HEADER" in agent("--certificate", file)
    assert "at least 16" in agent("--certificate", file, IDENTITY_HEADER="short")
    assert "cannot be read" in agent("--certificate", "none.pem", *environment)
    (tmp_path / "half.pem").write_bytes(file.read_bytes().partition(b"-----BEGIN PRIVATE")[0])
    (tmp_path / "half.pem").chmod(0o600)
    assert "no RSA private key" in agent("--certificate", "half.pem", *environment)
    (tmp_path / "open.pem").write_bytes(file.read_bytes())
    (tmp_path / "open.pem").chmod(0o644)
    assert "chmod o=" in agent("--certificate", "open.pem", *environment)
    refused = agent("--certificate", file, *environment, "--client-id", stack.client_id, code=3)
    assert "AADSTS700027" in refused
    assert "the certificate" in refused
    assert not (tmp_path / "agent.env").exists()
