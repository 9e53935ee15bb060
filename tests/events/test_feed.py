"""The pull feed and acknowledgements, through the pipeline of the data plane."""

import io
import json
import uuid

import pytest
from django.test import RequestFactory

from apps.domain.events.queries import list_acknowledgements
from apps.domain.keys.models import Key
from apps.interfaces.keyvault_api.fast_path import FastPath
from apps.interfaces.keyvault_api.messages import WAIT
from tests.events.test_outbox import make_secret
from tests.support import actors
from tests.support.tokens import Authority

pytestmark = pytest.mark.django_db


class Reader:
    """An application that reads the events of a vault."""

    def __init__(self, vault, authority, principal):
        self._vault, self._token = vault, authority.token(principal)
        self.wait = None

    def ask(self, method, path, **query):
        parameters = "&".join(f"{name}={value}" for name, value in {"api-version": "2026-04-01", **query}.items())
        request = RequestFactory().generic(
            method, path, b"", "application/json", QUERY_STRING=parameters, REMOTE_ADDR="127.0.0.1",
            HTTP_HOST=f"{self._vault.name}.vault.localhost:8443", HTTP_AUTHORIZATION=f"Bearer {self._token}",
        )  # fmt: skip
        request.environ["wsgi.input"] = io.BytesIO()
        status = []
        body = b"".join(FastPath(None)(request.environ, lambda line, _headers: status.append(int(line.split()[0]))))
        self.wait = request.environ.get(WAIT)
        return status[0], json.loads(body)

    def events(self, **query):
        status, answer = self.ask("GET", "/events", **query)
        assert status == 200, answer
        return answer


@pytest.fixture
def authority(vault, settings):
    settings.OWN_PORT = 8443
    actors.make_organisation()
    return Authority(vault)


@pytest.fixture
def reader(vault, authority):
    def made(role=None, **where):
        principal = actors.make_application(f"reader-{uuid.uuid4().hex[:8]}")
        if role:
            actors.give(principal, role, vault, **where)
        return Reader(vault, authority, principal), principal

    return made


def named(answer):
    return [event["data"]["ObjectName"] for event in answer["value"] if event["data"]["ObjectType"] != "Vault"]


def test_events_arrive_as_cloud_events_after_a_position(vault, reader):
    app, _ = reader("key-vault-administrator")
    begin = app.events()
    assert begin["value"] == []
    make_secret(vault, "password", "1" * 32)
    actors.make_key(vault, "signer", versions=("a" * 32,))
    found = app.events(after=begin["after"])
    assert named(found) == ["password", "signer"]
    event = found["value"][1]
    assert event["type"] == "Microsoft.KeyVault.KeyNewVersionCreated"
    assert event["specversion"] == "1.0"
    assert event["source"].endswith(f"/providers/Microsoft.KeyVault/vaults/{vault.name}")
    assert event["subject"] == "signer"
    assert event["data"] == {
        "Id": f"https://{vault.name}.vault.localhost:8443/keys/signer/{'a' * 32}",
        "VaultName": vault.name,
        "ObjectType": "Key",
        "ObjectName": "signer",
        "Version": "a" * 32,
        "NBF": None,
        "EXP": None,
    }
    assert app.events(after=found["after"])["value"] == []
    grid = app.events(after=begin["after"], schema="eventgrid")["value"][1]
    assert (grid["eventType"], grid["topic"], grid["data"]) == (event["type"], event["source"], event["data"])
    assert grid["id"] == event["id"]


def test_a_reader_sees_the_events_of_what_it_may_read_and_no_others(vault, reader):
    make_secret(vault, "password")
    key, _ = actors.make_key(vault, "mine"), actors.make_key(vault, "theirs")
    everything, _ = reader("key-vault-reader")
    assert named(everything.events(after=0)) == ["password", "mine", "theirs"]
    secrets, _ = reader("key-vault-secrets-user")
    assert named(secrets.events(after=0)) == ["password"]
    narrow, _ = reader("key-vault-crypto-user", object_type="key", object_id=key.pk)
    found = narrow.events(after=0)
    assert [event["subject"] for event in found["value"]] == ["mine"]  # and nothing of the vault itself
    assert found["after"] == everything.events(after=0)["after"]
    for role in (None, "key-vault-crypto-service-release-user", "key-vault-contributor"):
        status, answer = reader(role)[0].ask("GET", "/events", after=0)
        assert (status, answer["error"]["code"]) == (403, "Forbidden"), role


def test_a_reader_of_another_vault_is_refused(vault, reader, authority):
    other = actors.make_vault(vault.world, "another")
    _, principal = reader("key-vault-administrator")
    assert Reader(other, authority, principal).ask("GET", "/events", after=0)[0] == 403


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "-1"}, {"timeout": "x"}, {"schema": "xml"}, {"after": "9" * 40}]
)
def test_bad_parameters_are_answered_with_400(reader, query):
    status, answer = reader("key-vault-reader")[0].ask("GET", "/events", **query)
    assert (status, answer["error"]["code"]) == (400, "BadParameter")


def test_only_who_has_read_everything_waits(vault, reader):
    app, _ = reader("key-vault-reader")
    make_secret(vault)
    begin = app.events(timeout=10)
    assert app.wait is None  # the first call returns where to begin
    app.events(after=0, timeout=10)
    assert app.wait is None
    app.events(after=begin["after"], timeout=500)
    assert (app.wait.vault_id, app.wait.after, app.wait.seconds) == (vault.pk, int(begin["after"]), 20)
    assert app.ask("GET", "/events", after=int(begin["after"]) + 9, timeout=10)[1]["missed"]
    assert app.wait is None


def test_an_application_acknowledges_what_it_has_used(vault, reader):
    actors.make_key(vault, "Signer", versions=("a" * 32, "b" * 32))
    app, principal = reader("key-vault-crypto-user")
    path = f"/keys/signer/{'b' * 32}/acknowledge"
    status, answer = app.ask("POST", path)
    assert (status, answer["error"]["code"]) == (403, "Forbidden")
    assert "never used" in answer["error"]["message"]
    actors.count_use(principal, vault, object_id=f"keys/Signer/{'a' * 32}", done=0)  # it was refused
    actors.count_use(principal, vault, object_id="keys/other")
    actors.count_use(principal, vault, object_id="keys/Signer-2")
    actors.count_use(principal, vault, object_id="keys/signer", operation="KeyRotate")
    assert app.ask("POST", path)[0] == 403
    actors.count_use(principal, vault, object_id=f"keys/signer/{'a' * 32}", operation="KeyDecrypt")
    status, answer = app.ask("POST", path)
    assert (status, answer["id"]) == (200, f"https://{vault.name}.vault.localhost:8443/keys/Signer/{'b' * 32}")
    assert app.ask("POST", path)[0] == 200
    (row,) = list_acknowledgements(object_ids=[Key.objects.get().pk])
    assert (row.principal_id, row.version) == (principal.id, "b" * 32)
    assert app.ask("POST", "/keys/signer//acknowledge")[0] == 400
    assert app.ask("POST", f"/keys/signer/{'c' * 32}/acknowledge")[0] == 404
    assert reader(None)[0].ask("POST", path)[0] == 403
