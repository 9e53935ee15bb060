"""Programs that use one object, in each language as it would be copied. The tests run those that can run."""

from dataclasses import dataclass
from typing import Any

LANGUAGES = (
    ("python", "Python"),
    ("javascript", "JavaScript"),
    ("dotnet", ".NET"),
    ("java", "Java"),
    ("go", "Go"),
    ("curl", "curl"),
    ("cli", "portal"),
)
INSTALL = {
    "python": {
        "keys": "pip install azure-identity azure-keyvault-keys",
        "secrets": "pip install azure-identity azure-keyvault-secrets",
        "certificates": "pip install azure-identity azure-keyvault-certificates",
    },
    "javascript": {
        "keys": "npm install @azure/identity @azure/keyvault-keys",
        "secrets": "npm install @azure/identity @azure/keyvault-secrets",
        "certificates": "npm install @azure/identity @azure/keyvault-certificates",
    },
    "dotnet": {
        "keys": "dotnet add package Azure.Identity && dotnet add package Azure.Security.KeyVault.Keys",
        "secrets": "dotnet add package Azure.Identity && dotnet add package Azure.Security.KeyVault.Secrets",
        "certificates": "dotnet add package Azure.Identity && dotnet add package Azure.Security.KeyVault.Certificates",
    },
    "java": {
        "keys": "com.azure:azure-identity, com.azure:azure-security-keyvault-keys",
        "secrets": "com.azure:azure-identity, com.azure:azure-security-keyvault-secrets",
        "certificates": "com.azure:azure-identity, com.azure:azure-security-keyvault-certificates",
    },
    "go": {
        "keys": "go get github.com/Azure/azure-sdk-for-go/sdk/{azidentity,security/keyvault/azkeys}",
        "secrets": "go get github.com/Azure/azure-sdk-for-go/sdk/{azidentity,security/keyvault/azsecrets}",
        "certificates": "go get github.com/Azure/azure-sdk-for-go/sdk/{azidentity,security/keyvault/azcertificates}",
    },
}
# Where each language learns of a certificate authority of one's own.
TRUST = {
    "python": "REQUESTS_CA_BUNDLE",
    "javascript": "NODE_EXTRA_CA_CERTS",
    "dotnet": "SSL_CERT_FILE",
    "go": "SSL_CERT_FILE",
    "curl": "CURL_CA_BUNDLE",
    "cli": "PORTAL_CA",
}
# What to call the file, and how to run it.
RUN = {
    "python": ("use.py", "python use.py"),
    "javascript": ("use.mjs", "node use.mjs"),
    "dotnet": ("Program.cs", "dotnet run"),
    "java": ("Use.java", ""),
    "go": ("use.go", "go run use.go"),
    "curl": ("use.sh", "sh use.sh"),
}


def trusting(language: str, file: str) -> str:
    """The line that lets a program of that language believe the authority in the file."""
    if language == "java":
        store = "vault-portal.jks -storepass changeit"
        return (
            f"keytool -importcert -noprompt -alias vault-portal -file {file} -keystore {store}\n"
            'export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=vault-portal.jks"'
        )
    return f'export {TRUST[language]}="$PWD/{file}"'


def everywhere(file: str) -> str:
    """The same for all that take a variable."""
    lines = {name: f'export {name}="$PWD/{file}"' for name in TRUST.values()}
    return "\n".join(lines.values())


@dataclass(frozen=True, slots=True)
class Used:
    """What a snippet is about. `key_type` and `parameter`: of a key."""

    kind: str
    name: str
    vault: str
    url: str
    tenant_id: Any
    authority: str
    resource: str
    key_type: str = ""
    parameter: str = ""

    @property
    def wraps(self) -> bool:
        """AES keys wrap; RSA and EC keys sign."""
        return self.key_type == "oct"

    @property
    def bits(self) -> str:
        return {"P-384": "384", "P-521": "512"}.get(self.parameter, "256")

    @property
    def algorithm(self) -> str:
        if self.wraps:
            return f"A{self.parameter}KW"
        if self.key_type == "RSA":
            return "RS256"
        return "ES256K" if self.parameter == "P-256K" else f"ES{self.bits}"


def snippet(language: str, used: Used) -> str:
    """The program. An unknown language is Python."""
    maker = _MAKERS.get(language, _python)
    return maker(used).strip("\n") + "\n"


def _python(used: Used) -> str:
    client = {"keys": "keys", "secrets": "secrets", "certificates": "certificates"}[used.kind]
    names = {"keys": "KeyClient", "secrets": "SecretClient", "certificates": "CertificateClient"}
    head = f"""
import os
from azure.identity import ClientSecretCredential
from azure.keyvault.{client} import {names[used.kind]}
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
wrapped = CryptographyClient(key, credential).wrap_key(KeyWrapAlgorithm.aes_{used.parameter}, os.urandom(32))
print(wrapped.encrypted_key.hex())"""
    else:
        more = "from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm\nimport hashlib\n"
        use = f"""key = client.get_key("{used.name}")
digest = hashlib.sha{used.bits}(b"hello").digest()
print(CryptographyClient(key, credential).sign(SignatureAlgorithm.{used.algorithm.lower()}, digest).signature.hex())"""
    return head + more + credential + use


def _javascript(used: Used) -> str:
    names = {"keys": "CryptographyClient, KeyClient", "secrets": "SecretClient", "certificates": "CertificateClient"}
    client = names[used.kind].rpartition(" ")[2]
    crypto = "randomBytes" if used.wraps else "createHash"
    head = f"""
import {{ ClientSecretCredential }} from "@azure/identity";
import {{ {names[used.kind]} }} from "@azure/keyvault-{used.kind}";
"""
    head += f'import {{ {crypto} }} from "node:crypto";\n' if used.kind == "keys" else ""
    credential = f"""
const credential = new ClientSecretCredential(
  "{used.tenant_id}",
  process.env.AZURE_CLIENT_ID,
  process.env.AZURE_CLIENT_SECRET,
  {{ authorityHost: "{used.authority}", disableInstanceDiscovery: true }},
);
const client = new {client}("{used.url}", credential);
"""
    if used.kind == "secrets":
        use = f'const {{ value }} = await client.getSecret("{used.name}");\nconsole.log(value.length, "characters");'
    elif used.kind == "certificates":
        use = f"""const certificate = await client.getCertificate("{used.name}");
console.log(Buffer.from(certificate.properties.x509Thumbprint).toString("hex"));"""
    elif used.wraps:
        use = f"""const key = await client.getKey("{used.name}");
const {{ result }} = await new CryptographyClient(key, credential).wrapKey("{used.algorithm}", randomBytes(32));
console.log(Buffer.from(result).toString("hex"));"""
    else:
        use = f"""const key = await client.getKey("{used.name}");
const digest = createHash("sha{used.bits}").update("hello").digest();
const {{ result }} = await new CryptographyClient(key, credential).sign("{used.algorithm}", digest);
console.log(Buffer.from(result).toString("hex"));"""
    return head + credential + use


def _dotnet(used: Used) -> str:
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


def _java(used: Used) -> str:
    package = {"keys": "keys", "secrets": "secrets", "certificates": "certificates"}[used.kind]
    name = {"keys": "Key", "secrets": "Secret", "certificates": "Certificate"}[used.kind]
    more = """import com.azure.security.keyvault.keys.cryptography.CryptographyClientBuilder;
import com.azure.security.keyvault.keys.cryptography.models.*;
import java.security.*;
"""
    use = {
        "secrets": f'System.out.println(client.getSecret("{used.name}").getValue().length() + " characters");',
        "certificates": f'byte[] result = client.getCertificate("{used.name}").getProperties().getX509Thumbprint();\n'
        "        System.out.println(HexFormat.of().formatHex(result));",
        "keys": f"""var crypto = new CryptographyClientBuilder()
            .keyIdentifier(client.getKey("{used.name}").getId()).credential(credential).buildClient();
        """,
    }[used.kind]
    if used.wraps:
        use += f"""byte[] secret = new byte[32];
        new SecureRandom().nextBytes(secret);
        byte[] result = crypto.wrapKey(KeyWrapAlgorithm.fromString("{used.algorithm}"), secret).getEncryptedKey();
        System.out.println(HexFormat.of().formatHex(result));"""
    elif used.kind == "keys":
        use += f"""byte[] digest = MessageDigest.getInstance("SHA-{used.bits}").digest("hello".getBytes());
        byte[] result = crypto.sign(SignatureAlgorithm.fromString("{used.algorithm}"), digest).getSignature();
        System.out.println(HexFormat.of().formatHex(result));"""
    return f"""
import com.azure.identity.ClientSecretCredentialBuilder;
import com.azure.security.keyvault.{package}.{name}ClientBuilder;
{more if used.kind == "keys" else ""}import java.util.HexFormat;

class Use {{
    public static void main(String[] arguments) throws Exception {{
        var credential = new ClientSecretCredentialBuilder()
            .tenantId("{used.tenant_id}")
            .clientId(System.getenv("AZURE_CLIENT_ID"))
            .clientSecret(System.getenv("AZURE_CLIENT_SECRET"))
            .authorityHost("{used.authority}")
            .disableInstanceDiscovery()
            .build();
        var client = new {name}ClientBuilder().vaultUrl("{used.url}").credential(credential).buildClient();
        {use}
    }}
}}"""


def _go(used: Used) -> str:
    package = {"keys": "azkeys", "secrets": "azsecrets", "certificates": "azcertificates"}[used.kind]
    hashing = "crypto/rand" if used.wraps else "crypto/sha256" if used.bits == "256" else "crypto/sha512"
    encoding = '"encoding/hex"\n\t'
    imports = {"secrets": "", "certificates": encoding, "keys": f'"{hashing}"\n\t{encoding}'}
    digest = {"256": "sha256.Sum256", "384": "sha512.Sum384", "512": "sha512.Sum512"}[used.bits]
    use = {
        "secrets": f'got, err := client.GetSecret(ctx, "{used.name}", "", nil)\n\tcheck(err)\n'
        '\tfmt.Println(len(*got.Value), "characters")',
        "certificates": f'got, err := client.GetCertificate(ctx, "{used.name}", "", nil)\n\tcheck(err)\n'
        "\tfmt.Println(hex.EncodeToString(got.X509Thumbprint))",
        "keys": f'digest := {digest}([]byte("hello"))\n'
        f'\talgorithm := azkeys.SignatureAlgorithm("{used.algorithm}")\n'
        f'\tgot, err := client.Sign(ctx, "{used.name}", "", '
        "azkeys.SignParameters{Algorithm: &algorithm, Value: digest[:]}, nil)\n"
        "\tcheck(err)\n\tfmt.Println(hex.EncodeToString(got.Result))",
    }
    if used.wraps:
        use["keys"] = (
            "secret := make([]byte, 32)\n\trand.Read(secret)\n"
            f'\talgorithm := azkeys.EncryptionAlgorithm("{used.algorithm}")\n'
            f'\tgot, err := client.WrapKey(ctx, "{used.name}", "", '
            "azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: secret}, nil)\n"
            "\tcheck(err)\n\tfmt.Println(hex.EncodeToString(got.Result))"
        )
    return f"""
package main

import (
	"context"
	{imports[used.kind]}"fmt"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/{package}"
)

func check(err error) {{
	if err != nil {{
		panic(err)
	}}
}}

func main() {{
	ctx := context.Background()
	options := &azidentity.ClientSecretCredentialOptions{{
		ClientOptions: azcore.ClientOptions{{Cloud: cloud.Configuration{{
			ActiveDirectoryAuthorityHost: "{used.authority}/"}}}},
		DisableInstanceDiscovery: true,
	}}
	credential, err := azidentity.NewClientSecretCredential(
		"{used.tenant_id}", os.Getenv("AZURE_CLIENT_ID"), os.Getenv("AZURE_CLIENT_SECRET"), options)
	check(err)
	client, err := {package}.NewClient("{used.url}", credential, nil)
	check(err)
	{use[used.kind]}
}}"""


def _curl(used: Used) -> str:
    """What is secret goes to curl by its standard input: everybody on the machine sees a program's arguments."""
    token = f"""
token=$(curl -sS --fail "{used.authority}/{used.tenant_id}/oauth2/v2.0/token" \\
  --data grant_type=client_credentials --data scope={used.resource}/.default --config - <<END |
user = "$AZURE_CLIENT_ID:$AZURE_CLIENT_SECRET"
END
  sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
"""
    base = f"{used.url}/{used.kind}/{used.name}"
    bearer = 'header = "Authorization: Bearer $token"'
    if used.kind != "keys":
        return token + f'curl -sS --fail "{base}?api-version=7.4" --config - <<END\n{bearer}\nEND'
    verb, value = "sign", f"printf hello | openssl dgst -sha{used.bits} -binary"
    if used.wraps:
        verb, value = "wrapkey", "openssl rand 32"
    return (
        token
        + f"""value=$({value} | base64 -w0 | tr '+/' '-_' | tr -d '=')
curl -sS --fail "{base}/{verb}?api-version=7.4" --header "Content-Type: application/json" --config - <<END
{bearer}
data = "{{\\"alg\\": \\"{used.algorithm}\\", \\"value\\": \\"$value\\"}}"
END"""
    )


def _cli(used: Used) -> str:
    return f"portal {used.kind.removesuffix('s')} show {used.name} --vault {used.vault}"


_MAKERS = {
    "python": _python,
    "javascript": _javascript,
    "dotnet": _dotnet,
    "java": _java,
    "go": _go,
    "curl": _curl,
    "cli": _cli,
}
