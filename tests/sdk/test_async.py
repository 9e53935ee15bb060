"""The async clients: the same service, another transport and another way to the token."""

import hashlib

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity.aio import ClientSecretCredential
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from azure.keyvault.keys.crypto.aio import CryptographyClient
from azure.keyvault.secrets.aio import SecretClient

pytestmark = pytest.mark.stack

DIGEST = hashlib.sha256(b"async").digest()


async def test_keys_are_made_used_and_rolled(stack, name):
    async with stack.credential(ClientSecretCredential) as credential, KeyClient(stack.vault_url, credential) as keys:
        key = await keys.create_rsa_key(name, hardware_protected=True)
        async with CryptographyClient(key, credential) as crypto:
            signed = await crypto.sign(SignatureAlgorithm.ps256, DIGEST)
            assert (await crypto.verify(SignatureAlgorithm.ps256, DIGEST, signed.signature)).is_valid
            wrapped = await crypto.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, bytes(32))
            assert (await crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped.encrypted_key)).key == bytes(32)
            sealed = await crypto.encrypt(EncryptionAlgorithm.rsa_oaep, b"data")
            assert (await keys.rotate_key(name)).properties.version != key.properties.version
            assert (await crypto.decrypt(EncryptionAlgorithm.rsa_oaep, sealed.ciphertext)).plaintext == b"data"
        await keys.update_key_properties(name, tags={"rolled": "yes"})
        assert (await keys.get_key(name)).properties.tags == {"rolled": "yes"}
        assert len([version async for version in keys.list_properties_of_key_versions(name)]) == 2
        with pytest.raises(ResourceNotFoundError):
            await keys.get_key(name + "-missing")


async def test_secrets_are_set_and_read(stack, name):
    async with (
        stack.credential(ClientSecretCredential) as credential,
        SecretClient(stack.vault_url, credential) as secrets,
    ):
        await secrets.set_secret(name, "value")
        assert (await secrets.get_secret(name)).value == "value"
        await secrets.update_secret_properties(name, content_type="text/plain")
        assert name in [secret.name async for secret in secrets.list_properties_of_secrets()]


async def test_a_stranger_is_forbidden(stack, name):
    async with (
        stack.credential(ClientSecretCredential, stranger=True) as credential,
        SecretClient(stack.vault_url, credential) as secrets,
    ):
        with pytest.raises(HttpResponseError) as refused:
            await secrets.set_secret(name, "value")
        assert refused.value.status_code == 403
