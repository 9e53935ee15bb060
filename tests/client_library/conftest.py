"""A key of the same name in the demo's two vaults, which are in two security worlds, and clients of the library."""

import uuid

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import RequestsTransport
from azure.keyvault.keys import KeyClient

from vaultportal_client import EnvelopeClient, Limits


class Network(RequestsTransport):
    """The real transport of the SDK, of which connections to some vaults fail. `calls`: (vault, operation) that went out."""

    def __init__(self):
        super().__init__()
        self.cut, self.calls, self.bodies = set(), [], []

    def send(self, request, **options):
        if any(request.url.startswith(vault) for vault in self.cut):
            raise ServiceRequestError("The network is cut.")
        vault, _, path = request.url.partition("/keys/")
        if path:
            self.calls.append((vault, path.partition("?")[0].rpartition("/")[2] if request.method == "POST" else "get"))
            self.bodies.append(request.content or request.data)
        return super().send(request, **options)

    def count(self, operation):
        return sum(each == operation for _, each in self.calls)


class Regions:
    """One key in each region's vault. `identifiers`: of the keys, Europe first."""

    def __init__(self, stack, name):
        self.name = name
        self.vaults = (stack.vault_url, stack.vault2_url)
        self.clients = [stack.sdk(KeyClient, url) for url in self.vaults]
        self.identifiers = [f"{url}/keys/{name}" for url in self.vaults]

    def create_rsa(self):
        return [client.create_rsa_key(self.name, hardware_protected=True).id for client in self.clients]

    def rotate(self):
        """The new versions."""
        return [client.rotate_key(self.name).id for client in self.clients]

    def set_enabled(self, key_id, *, enabled):
        """Of one version."""
        client = self.clients[self.vaults.index(key_id.partition("/keys/")[0])]
        client.update_key_properties(self.name, key_id.rpartition("/")[2], enabled=enabled)


@pytest.fixture(scope="module")
def regions(stack):
    """With a first version in both vaults. Tests of a module share it, and may rotate it."""
    regions = Regions(stack, f"documents-{uuid.uuid4().hex[:8]}")
    regions.create_rsa()
    yield regions
    for client in regions.clients:
        client.close()


@pytest.fixture
def network():
    return Network()


@pytest.fixture
def client(regions, credential, network):
    with EnvelopeClient(regions.identifiers, credential, transport=network, retry_total=0) as client:
        yield client


@pytest.fixture
def quick_client(regions, credential, network):
    """A client that looks up versions before each encryption."""
    limits = Limits(version_check=0, retry_after=0, opened_age=0)
    with EnvelopeClient(regions.identifiers, credential, limits=limits, transport=network, retry_total=0) as client:
        yield client
