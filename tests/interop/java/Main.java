// Every method of the Java clients, unmodified, signed in by DefaultAzureCredential with environment variables alone.

import com.azure.core.credential.TokenCredential;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.certificates.CertificateClientBuilder;
import com.azure.security.keyvault.keys.KeyClientBuilder;
import com.azure.security.keyvault.secrets.SecretClientBuilder;

final class Main {
    static final String URL = System.getenv("VAULT_URL");

    public static void main(String[] words) throws Exception {
        TokenCredential credential = new DefaultAzureCredentialBuilder().build();
        var secrets = new SecretClientBuilder().vaultUrl(URL).credential(credential).buildClient();
        if (words.length > 0) {
            String name = Proving.freshName();
            secrets.setSecret(name, "v");
            Proving.check(secrets.getSecret(name).getValue().equals("v"), "the secret is there");
        } else {
            Secrets.prove(secrets);
            Keys.prove(new KeyClientBuilder().vaultUrl(URL).credential(credential).buildClient(), credential);
            Certificates.prove(new CertificateClientBuilder().vaultUrl(URL).credential(credential).buildClient());
        }
        System.out.flush();
        System.exit(Proving.failed ? 1 : 0); // the client's threads would live for a minute
    }
}
