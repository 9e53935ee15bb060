"""JavaScript for Node, with @azure of npm."""

from apps.interfaces.console.snippets.subject import SnippetSubject


def program(used: SnippetSubject) -> str:
    """A module."""
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
