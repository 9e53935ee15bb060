"""operation x role x vault x door, generated from the list of addresses: a new operation cannot be left out.

No HSM is needed: an allowed call ends in whatever its domain says (404, 400, 503), a refused one in 403.
"""

import io
import re

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from apps.domain.access.roles import ASSIGNABLE, ROLES
from apps.interfaces.keyvault_api import urls
from apps.interfaces.keyvault_api.fast_path import FastPath, _match
from apps.interfaces.keyvault_api.routes import ISSUER, NAME, ROUTES, VERSION
from tests.support import actors
from tests.support.tokens import Authority

NAMES = {"keys": "object-1", "secrets": "object-1"}


def operations():
    """(method, path, operation) for every address of the data plane."""
    for route in ROUTES:
        path = route.path.pattern.removesuffix(r"/?\Z")
        path = path.replace(VERSION, "/" + "0" * 32).replace(NAME, "object-1").replace(ISSUER, "issuer-1")
        assert not re.search(r"[\\(?^]", path), f"an address that this test cannot read: {path}"
        for method, operation in route.operations.items():
            yield method, f"/{path}", operation


ALL = list(operations())


def test_every_address_but_the_last_serves_declared_operations():
    served = [pattern.callback.view_initkwargs["operations"] for pattern in urls.urlpatterns[:-1]]
    assert served == [route.operations for route in ROUTES]
    assert len({operation.name for _, _, operation in ALL}) == 70


@pytest.fixture
def doors():
    """Both doors, in the transaction of the test: a new request must not close its connection."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield {"thin": FastPath(WSGIHandler()), "django": WSGIHandler()}
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


USES = frozenset({"sign", "verify", "encrypt", "decrypt", "wrapkey", "unwrapkey"})
# Complete, so that the HSM worker decides; the other bodies are decided on by the web process.
USE = b'{"alg": "ES256", "value": "AAAA", "digest": "AAAA", "signature": "AAAA"}'


def ask(door, method, path, *, host, token, body=None):
    body = body or (USE if path.rsplit("/", 1)[1] in USES else b"{}")
    headers = {"HTTP_HOST": f"{host}.vault.localhost:8443", "REMOTE_ADDR": "127.0.0.1"}
    if token:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    request = RequestFactory().generic(
        method, path, body, "application/json", QUERY_STRING="api-version=2026-04-01", **headers
    )
    request.environ["wsgi.input"] = io.BytesIO(body)  # Django's own for tests refuses to be asked for more
    status = []
    list(door(request.environ, lambda line, _headers: status.append(int(line.split()[0]))))
    return status[0]


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("role", [*(role.codename for role in ASSIGNABLE), None])
def test_a_role_allows_what_it_says_at_its_vault_and_nothing_elsewhere(vault, doors, lane, role, settings):
    settings.OWN_PORT = 8443
    actors.make_organisation()
    other = actors.make_vault(vault.world, "other-vault")
    authority = Authority(vault)
    principal = actors.make_application("somebody")
    if role:
        actors.give(principal, role, vault)
    token = authority.token(principal)
    for method, path, operation in ALL:
        for name, door in doors.items():
            allowed = role is not None and operation.permission in ROLES[role].permissions
            status = ask(door, method, path, host=vault.name, token=token)
            assert (status == 403) is not allowed, f"{role}: {method} {path} through the {name} door: {status}"
            assert status not in (401, 500)
            assert ask(door, method, path, host=other.name, token=token) == 403


@pytest.mark.django_db
def test_nothing_is_done_without_a_token(vault, doors, settings):
    settings.OWN_PORT = 8443
    actors.make_organisation()
    for method, path, _ in ALL:
        for door in doors.values():
            assert ask(door, method, path, host=vault.name, token=None) == 401


@pytest.mark.django_db
def test_the_fast_path_serves_each_operation_on_the_host_of_a_vault_only():
    for method, path, operation in ALL:
        environ = RequestFactory().generic(method, path, HTTP_HOST="v-1.vault.localhost").environ
        found = _match(environ)
        assert found is not None and found[0] is operation, f"{method} {path}"
        for host in ("login", "auth", "portal", "audit", "arm"):
            assert _match({**environ, "HTTP_HOST": f"{host}.vault.localhost"}) is None
    assert _match({**environ, "PATH_INFO": "/keys/n\u00e4me", "REQUEST_METHOD": "GET"}) is None


@pytest.mark.django_db
def test_people_have_no_way_into_the_data_plane(vault, people, doors, settings):
    settings.OWN_PORT = 8443
    authority = Authority(vault)
    for person in (people.secops, people.dev, people.auditor):
        token = authority.token(person, appid=str(person.id))
        for method, path, _ in ALL:
            for door in doors.values():
                assert ask(door, method, path, host=vault.name, token=token) == 401


@pytest.mark.django_db
def test_an_assignment_at_one_key_allows_that_key_only(vault, doors, lane, settings):
    settings.OWN_PORT = 8443
    from apps.domain.keys.models import Key

    actors.make_organisation()
    authority = Authority(vault)
    principal = actors.make_application("narrow")
    key = Key.objects.create(vault=vault, name="mine", folded_name="mine")
    actors.give(principal, "key-vault-crypto-user", vault, object_type="key", object_id=key.pk)
    token = authority.token(principal)
    for door in doors.values():
        assert ask(door, "POST", "/keys/mine/sign", host=vault.name, token=token) != 403
        assert ask(door, "POST", "/keys/other/sign", host=vault.name, token=token) == 403
        assert ask(door, "POST", "/keys/other/sign", host=vault.name, token=token, body=b"not JSON") == 403
        assert ask(door, "GET", "/secrets/mine", host=vault.name, token=token) == 403
        assert ask(door, "GET", "/keys", host=vault.name, token=token) == 403
