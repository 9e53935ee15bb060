// Every method of the Java clients, synchronous and asynchronous, unmodified, signed in by DefaultAzureCredential with environment variables alone.

import com.azure.core.credential.TokenCredential;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.security.keyvault.certificates.CertificateClientBuilder;
import com.azure.security.keyvault.keys.KeyClientBuilder;
import com.azure.security.keyvault.secrets.SecretClientBuilder;

final class Main {
    static final String URL = System.getenv("VAULT_URL");

    public static void main(String[] words) throws Exception {
        TokenCredential credential = new DefaultAzureCredentialBuilder().build();
        if (words.length > 0) {
            String name = Proving.freshName();
            var secrets = new SecretClientBuilder().vaultUrl(URL).credential(credential).buildClient();
            secrets.setSecret(name, "v");
            Proving.check(secrets.getSecret(name).getValue().equals("v"), "the secret is there");
        } else {
            prove(credential);
            Proving.asynchronous = true;
            prove(credential);
        }
        System.out.flush();
        System.exit(Proving.failed ? 1 : 0); // the client's threads would live for a minute
    }

    private static void prove(TokenCredential credential) {
        var secrets = new SecretClientBuilder().vaultUrl(URL).credential(credential);
        Secrets.prove(Proving.pair(secrets.buildClient(), secrets.buildAsyncClient()));
        var keys = new KeyClientBuilder().vaultUrl(URL).credential(credential);
        Keys.prove(Proving.pair(keys.buildClient(), keys.buildAsyncClient()), credential);
        var certificates = new CertificateClientBuilder().vaultUrl(URL).credential(credential);
        Certificates.prove(Proving.pair(certificates.buildClient(), certificates.buildAsyncClient()));
    }
}
