"""C#, with Azure.Security.KeyVault of NuGet."""

from apps.interfaces.console.snippets.subject import SnippetSubject


def program(used: SnippetSubject) -> str:
    """Top-level statements, as `dotnet new console` begins with."""
    space = {"keys": "Keys", "secrets": "Secrets", "certificates": "Certificates"}[used.kind]
    client = {"keys": "KeyClient", "secrets": "SecretClient", "certificates": "CertificateClient"}[used.kind]
    more = "using Azure.Security.KeyVault.Keys.Cryptography;\nusing System.Security.Cryptography;\n"
    head = f"""
using Azure.Identity;
using Azure.Security.KeyVault.{space};
{more if used.kind == "keys" else ""}
var credential = new ClientSecretCredential(
    "{used.tenant_id}",
    Environment.GetEnvironmentVariable("AZURE_CLIENT_ID"),
    Environment.GetEnvironmentVariable("AZURE_CLIENT_SECRET"),
    new ClientSecretCredentialOptions {{
        AuthorityHost = new Uri("{used.authority}"), DisableInstanceDiscovery = true }});
var client = new {client}(new Uri("{used.url}"), credential);
"""
    if used.kind == "secrets":
        return (
            head
            + f'KeyVaultSecret secret = await client.GetSecretAsync("{used.name}");\n'
            + ('Console.WriteLine($"{secret.Value.Length} characters");')
        )
    if used.kind == "certificates":
        return (
            head
            + f'var certificate = await client.GetCertificateAsync("{used.name}");\n'
            + ("Console.WriteLine(Convert.ToHexString(certificate.Value.Properties.X509Thumbprint));")
        )
    get = f'KeyVaultKey key = await client.GetKeyAsync("{used.name}");\n'
    crypto = "var crypto = new CryptographyClient(key.Id, credential);\n"
    if used.wraps:
        return (
            head
            + get
            + crypto
            + f"""var wrapped = await crypto.WrapKeyAsync(
    new KeyWrapAlgorithm("{used.algorithm}"), RandomNumberGenerator.GetBytes(32));
Console.WriteLine(Convert.ToHexString(wrapped.EncryptedKey));"""
        )
    return (
        head
        + get
        + crypto
        + f"""var digest = SHA{used.bits}.HashData("hello"u8);
var signed = await crypto.SignAsync(new SignatureAlgorithm("{used.algorithm}"), digest);
Console.WriteLine(Convert.ToHexString(signed.Signature));"""
    )
