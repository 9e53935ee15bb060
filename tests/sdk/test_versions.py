"""The versions of the Python clients whose every method the tests of this folder call."""

import importlib.metadata

import pytest

from tests.support.compatibility import proves

CREDENTIALS = (
    "`DefaultAzureCredential` by environment variables alone: secret, certificate, managed identity; others in code"
)


@pytest.mark.parametrize(
    ("client", "what"),
    [
        ("Python `azure-keyvault-keys`", "every method, synchronous and asynchronous"),
        ("Python `azure-keyvault-secrets`", "every method, synchronous and asynchronous"),
        ("Python `azure-keyvault-certificates`", "every method, synchronous and asynchronous"),
        ("Python `azure-identity`", CREDENTIALS),
    ],
)
def test_version_of_a_client(client, what):
    proves(client, importlib.metadata.version(client.removeprefix("Python ").strip("`")), what)
