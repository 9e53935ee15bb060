"""The official SDKs, unmodified, with `verify_challenge_resource` left on, against the running system."""

import os
import uuid

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

pytestmark = pytest.mark.stack


@pytest.fixture(scope="session")
def credential(stack):
    return stack.credential(ClientSecretCredential)


@pytest.fixture(scope="session")
def keys(stack, credential):
    with KeyClient(stack.vault_url, credential) as client:
        yield client


@pytest.fixture(scope="session")
def secrets(stack, credential):
    with SecretClient(stack.vault_url, credential) as client:
        yield client


@pytest.fixture(scope="session")
def certificates(stack, credential):
    with CertificateClient(stack.vault_url, credential) as client:
        yield client


@pytest.fixture
def name():
    """A name that no other test has."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session", autouse=True)
def _own_authority(stack):
    """What `./portal env` exports: the SDKs believe our authority."""
    assert os.environ["REQUESTS_CA_BUNDLE"] == stack.ca
