"""Python, with azure-keyvault of PyPI."""

from apps.interfaces.console.snippets.subject import SnippetSubject


def program(used: SnippetSubject) -> str:
    """A script."""
    names = {"keys": "KeyClient", "secrets": "SecretClient", "certificates": "CertificateClient"}
    head = f"""
import os
from azure.identity import ClientSecretCredential
from azure.keyvault.{used.kind} import {names[used.kind]}
"""
    credential = f"""
credential = ClientSecretCredential(
    tenant_id="{used.tenant_id}",
    client_id=os.environ["AZURE_CLIENT_ID"],
    client_secret=os.environ["AZURE_CLIENT_SECRET"],
    authority="{used.authority}",
    disable_instance_discovery=True,
)
client = {names[used.kind]}("{used.url}", credential)
"""
    if used.kind == "secrets":
        return head + credential + f'print(len(client.get_secret("{used.name}").value), "characters")'
    if used.kind == "certificates":
        got = f'certificate = client.get_certificate("{used.name}")\n'
        return head + credential + got + "print(certificate.properties.x509_thumbprint.hex())"
    if used.wraps:
        more = "from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm\n"
        use = f"""key = client.get_key("{used.name}")
algorithm = KeyWrapAlgorithm("{used.algorithm}")
wrapped = CryptographyClient(key, credential).wrap_key(algorithm, os.urandom(32))
print(wrapped.encrypted_key.hex())"""
    else:
        more = "from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm\nimport hashlib\n"
        use = f"""key = client.get_key("{used.name}")
digest = hashlib.sha{used.bits}(b"hello").digest()
print(CryptographyClient(key, credential).sign(SignatureAlgorithm.{used.algorithm.lower()}, digest).signature.hex())"""
    return head + more + credential + use
