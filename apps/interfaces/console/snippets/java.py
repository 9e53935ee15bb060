"""Java 17, with com.azure of Maven Central."""

from apps.interfaces.console.snippets.subject import SnippetSubject


def program(used: SnippetSubject) -> str:
    """One class."""
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
import com.azure.security.keyvault.{used.kind}.{name}ClientBuilder;
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
