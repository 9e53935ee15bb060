import pytest
from azure.keyvault.secrets import SecretClient


@pytest.fixture
def secrets_of_new_vault(stack, management):
    """The address of a new vault and a client of its secrets."""
    url = management.vault()
    return url, stack.sdk(SecretClient, url)
