"""Client-side encryption of azure-storage-blob, unmodified: blobs in Azurite, their keys wrapped by the vault."""

import base64
import importlib.metadata
import json
import os
import secrets
import uuid

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm
from azure.storage.blob import BlobServiceClient

from tests.support.compatibility import locked_in_node, proves
from tests.support.processes import free_port, server_program

pytestmark = pytest.mark.stack

ACCOUNT = "interop"
REGION = 4 * 1024 * 1024
MARKER = b"nobody but the vault's owner reads this"


class KeyInVault:
    """The vault's key as azure-storage-blob wants to see it."""

    def __init__(self, key, credential):
        self._client = CryptographyClient(key, credential)

    def get_kid(self):
        return self._client.key_id

    def get_key_wrap_algorithm(self):
        return KeyWrapAlgorithm.rsa_oaep_256.value

    def wrap_key(self, key):
        return self._client.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, key).encrypted_key

    def unwrap_key(self, key, algorithm):
        return self._client.unwrap_key(KeyWrapAlgorithm(algorithm), key).key


@pytest.fixture(scope="module")
def azurite(node_packages, tmp_path_factory):
    """A client of a blob store that lives as long as this module; what it stores is in its memory."""
    directory = tmp_path_factory.mktemp("azurite")
    account_key = base64.b64encode(secrets.token_bytes(64)).decode()
    port = free_port()
    command = [node_packages / "node_modules/.bin/azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{account_key}"}
    with server_program(command, directory / "log", port, cwd=directory, env=environment):
        url = f"http://127.0.0.1:{port}/{ACCOUNT}"
        with BlobServiceClient(url, {"account_name": ACCOUNT, "account_key": account_key}) as client:
            client.create_container("vaulted")
            yield client


@pytest.fixture(params=[True, False], ids=["hsm", "software"])
def key(keys, request):
    return keys.create_rsa_key(f"blob-{uuid.uuid4().hex[:12]}", hardware_protected=request.param)


@pytest.fixture
def blob(azurite):
    """Clients of one blob, each with its own way to the key."""
    name = uuid.uuid4().hex

    def client(**encryption):
        found = azurite.get_blob_client("vaulted", name)
        for field, value in encryption.items():
            setattr(found, field, value)
        return found

    return client


def written(blob, key, credential, data):
    encryption = {"require_encryption": True, "encryption_version": "2.0"}
    blob(**encryption, key_encryption_key=KeyInVault(key, credential)).upload_blob(data)


def reader(blob, credential):
    """Knows no key: finds it by the identifier that is stored beside the blob."""
    return blob(require_encryption=True, key_resolver_function=lambda kid: KeyInVault(kid, credential))


def encryption_data(blob):
    return json.loads(blob().get_blob_properties().metadata["encryptiondata"])


def test_the_store_sees_ciphertext_and_which_key_opens_it(blob, key, credential):
    data = MARKER * 1000
    written(blob, key, credential, data)
    stored = blob().download_blob().readall()
    assert MARKER not in stored
    assert len(stored) > len(data)
    wrapped = encryption_data(blob)["WrappedContentKey"]
    assert wrapped["KeyId"] == key.id
    assert wrapped["Algorithm"] == "RSA-OAEP-256"
    assert reader(blob, credential).download_blob().readall() == data


def test_after_a_roll_the_old_blob_still_opens(blob, keys, key, credential):
    data = MARKER + os.urandom(9_000_000)
    written(blob, key, credential, data)
    rolled = keys.rotate_key(key.name)
    assert rolled.id != key.id
    assert reader(blob, credential).download_blob().readall() == data


def test_a_range_is_read_across_the_regions_of_the_format(blob, key, credential):
    data = os.urandom(2 * REGION + 1000)
    written(blob, key, credential, data)
    for offset, length in ((0, 10), (REGION - 50, 100), (2 * REGION - 1, 1001), (REGION, REGION)):
        part = reader(blob, credential).download_blob(offset=offset, length=length).readall()
        assert part == data[offset : offset + length]


def test_a_stranger_with_the_whole_store_opens_nothing(blob, stack, key, credential):
    written(blob, key, credential, MARKER)
    stranger = stack.credential(ClientSecretCredential, stranger=True)
    with pytest.raises(HttpResponseError, match="Decryption failed"):
        reader(blob, stranger).download_blob().readall()
    wrapped = encryption_data(blob)["WrappedContentKey"]
    with pytest.raises(HttpResponseError) as refused:
        KeyInVault(key.id, stranger).unwrap_key(base64.b64decode(wrapped["EncryptedKey"]), wrapped["Algorithm"])
    assert refused.value.status_code == 403
    what = f"client-side encryption (version 2.0) with a key of the vault, against Azurite {locked_in_node('azurite')}"
    proves("Python `azure-storage-blob`", importlib.metadata.version("azure-storage-blob"), what)
