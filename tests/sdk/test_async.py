"""The async clients: the same service, another transport and another way to the token."""

import hashlib

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.identity.aio import ClientSecretCredential
from azure.keyvault.certificates import CertificateContact, CertificatePolicy
from azure.keyvault.certificates.aio import CertificateClient
from azure.keyvault.keys import KeyRotationLifetimeAction, KeyRotationPolicy
from azure.keyvault.keys.aio import KeyClient
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from azure.keyvault.keys.crypto.aio import CryptographyClient
from azure.keyvault.secrets.aio import SecretClient
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.byok import jwk_of

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


async def test_a_keys_life(stack, name):
    async with stack.credential(ClientSecretCredential) as credential, KeyClient(stack.vault_url, credential) as keys:
        private = ec.generate_private_key(ec.SECP256R1())
        key = await keys.import_key(name, jwk_of(private, hardware=True), hardware_protected=True)
        crypto = keys.get_cryptography_client(name, key_version=key.properties.version)
        signed = await crypto.sign(SignatureAlgorithm.es256, bytes(32))
        assert (await crypto.verify(SignatureAlgorithm.es256, bytes(32), signed.signature)).is_valid
        policy = KeyRotationPolicy(lifetime_actions=[KeyRotationLifetimeAction("rotate", time_after_create="P30D")])
        await keys.update_key_rotation_policy(name, policy)
        actions = {action.action.lower() for action in (await keys.get_key_rotation_policy(name)).lifetime_actions}
        assert actions == {"rotate", "notify"}
        await keys.rotate_key(name)
        backup = await keys.backup_key(name)
        assert (await keys.delete_key(name)).name == name
        assert (await keys.get_deleted_key(name)).name == name
        assert name in [one.name async for one in keys.list_deleted_keys()]
        await keys.recover_deleted_key(name)
        await keys.delete_key(name)
        await keys.purge_deleted_key(name)
        assert (await keys.restore_key_backup(backup)).name == name
        assert (await keys.create_oct_key(f"{name}-oct", size=256, hardware_protected=True)).key_type == "oct-HSM"
        assert len(await keys.get_random_bytes(8)) == 8
        await crypto.close()


async def test_a_secrets_life(stack, name):
    async with (
        stack.credential(ClientSecretCredential) as credential,
        SecretClient(stack.vault_url, credential) as secrets,
    ):
        await secrets.set_secret(name, "one")
        await secrets.update_secret_properties(name, content_type="text/plain")
        assert name in [secret.name async for secret in secrets.list_properties_of_secrets()]
        made = await secrets.set_secret(name, "two", tags={"a": "b"})
        backup = await secrets.backup_secret(name)
        assert (await secrets.delete_secret(name)).name == name
        assert (await secrets.get_deleted_secret(name)).properties.tags == {"a": "b"}
        assert name in [one.name async for one in secrets.list_deleted_secrets()]
        await secrets.recover_deleted_secret(name)
        assert (await secrets.get_secret(name)).value == "two"
        await secrets.delete_secret(name)
        await secrets.purge_deleted_secret(name)
        with pytest.raises(ResourceNotFoundError):
            await secrets.get_deleted_secret(name)
        assert (await secrets.restore_secret_backup(backup)).id == made.id
        assert (await secrets.get_secret(name)).value == "two"


async def test_a_certificates_life(stack, name):
    policy = CertificatePolicy("Self", subject="CN=x", key_type="EC", key_curve_name="P-256", exportable=True)
    async with (
        stack.credential(ClientSecretCredential) as credential,
        CertificateClient(stack.vault2_url, credential) as certificates,
    ):
        made = await certificates.create_certificate(name, policy)
        assert (await certificates.get_certificate(name)).id == made.id
        assert (await certificates.get_certificate_version(name, made.properties.version)).cer == made.cer
        assert (await certificates.get_certificate_operation(name)).status == "completed"
        assert (await certificates.get_certificate_policy(name)).subject == "CN=x"
        await certificates.update_certificate_policy(name, policy)
        await certificates.update_certificate_properties(name, tags={"a": "b"})
        assert name in [one.name async for one in certificates.list_properties_of_certificates()]
        assert len([one async for one in certificates.list_properties_of_certificate_versions(name)]) == 1
        await certificates.delete_certificate_operation(name)
        backup = await certificates.backup_certificate(name)
        await certificates.delete_certificate(name)
        assert (await certificates.get_deleted_certificate(name)).name == name
        assert name in [one.name async for one in certificates.list_deleted_certificates()]
        await certificates.recover_deleted_certificate(name)
        await certificates.delete_certificate(name)
        await certificates.purge_deleted_certificate(name)
        assert (await certificates.restore_certificate_backup(backup)).id == made.id
        await certificates.set_contacts([CertificateContact(email="a@example.com")])
        assert len(await certificates.get_contacts()) == 1
        await certificates.delete_contacts()
        await certificates.create_issuer(name, "Test")
        await certificates.update_issuer(name, enabled=False)
        assert (await certificates.get_issuer(name)).enabled is False
        assert name in [one.name async for one in certificates.list_properties_of_issuers()]
        await certificates.delete_issuer(name)
