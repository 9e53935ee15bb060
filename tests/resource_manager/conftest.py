"""The resource management API in this process, for what needs no HSM: a client with the token of an application."""

import json
import uuid

import pytest
from django.test import Client, TestCase

from apps.domain.access.permissions import Permission
from apps.domain.access.queries import invalidate_decisions
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.managers import set_manager
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import addresses, get_organisation
from tests.support import actors
from tests.support.tokens import Authority

HOST = "arm.vault.localhost:8443"


class Caller:
    """A client of the API that signs in as a principal; None: as nobody."""

    def __init__(self, authority, principal, **claims):
        self._authority, self._principal, self._claims = authority, principal, claims

    def ask(self, method, path, body=None, *, version="2023-07-01", content=None):
        headers = {"HTTP_HOST": HOST, "REMOTE_ADDR": "127.0.0.1"}
        if self._principal is not None:
            claims = {"aud": addresses().resource_manager} | self._claims
            token = self._authority.token(self._principal, **claims)
            headers["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        separator = "&" if "?" in path else "?"
        data = content if content is not None else b"" if body is None else json.dumps(body).encode()
        address = f"{path}{separator}api-version={version}" if version else path
        if path.startswith("//"):  # which the client would take for a host
            headers["PATH_INFO"] = path
        with TestCase.captureOnCommitCallbacks(execute=True):  # what ends cached rows
            return Client().generic(method, address, data, "application/json", **headers)


@pytest.fixture
def authority(vault, people, settings):
    settings.OWN_PORT = 8443
    return Authority(vault)


@pytest.fixture
def manager(authority):
    """An application that manages vaults."""
    from apps.core.clock import now

    principal = actors.make_application("deployer")
    set_manager(
        grant=system_grant(Permission.MANAGERS_ASSIGN, origin="tests"),
        application=ApplicationIdentity.objects.get(user_id=principal.id),
        manager=True,
        now=now(),
    )
    invalidate_decisions()
    return principal


@pytest.fixture
def arm(authority, manager):
    return Caller(authority, manager)


@pytest.fixture
def as_principal(authority):
    return lambda principal, **claims: Caller(authority, principal, **claims)


@pytest.fixture
def subscription(people):
    return f"/subscriptions/{uuid.uuid5(get_organisation().tenant_id, 'subscription')}"


@pytest.fixture
def place(subscription, vault):
    """The resource id of the vault."""
    return f"{subscription}/resourceGroups/europe/providers/Microsoft.KeyVault/vaults/{vault.name}"


def code_of(answer):
    return answer.json()["error"]["code"]
