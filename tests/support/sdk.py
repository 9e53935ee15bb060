"""What the tests of the Azure SDKs share."""

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys.crypto import CryptographyClient


def remote(key, credential):
    """A client that may not compute locally: everything goes to the vault.

    With an AES key the client must not: it does not get `k`, makes up a random one without saying so, and wraps and pads
    CBC with that (azure-keyvault-keys 4.11.3, with any service).
    """
    client = CryptographyClient(key if isinstance(key, str) else key.id, credential)
    client._keys_get_forbidden = True
    return client


def refused(status, act, *arguments, inner=None, text="", **options):
    """Check that the SDK's call fails with this status, inner code and text. Returns the error."""
    with pytest.raises(HttpResponseError) as error:
        act(*arguments, **options)
    assert error.value.status_code == status, error.value.message
    if inner:
        assert error.value.error.innererror["code"] == inner
    assert text.lower() in error.value.message.lower()
    return error.value
