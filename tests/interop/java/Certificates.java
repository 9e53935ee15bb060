import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;

import com.azure.core.http.rest.PagedIterable;
import com.azure.core.http.rest.Response;
import com.azure.core.util.Context;
import com.azure.core.util.polling.SyncPoller;
import com.azure.security.keyvault.certificates.CertificateClient;
import com.azure.security.keyvault.certificates.models.CertificateContact;
import com.azure.security.keyvault.certificates.models.CertificateIssuer;
import com.azure.security.keyvault.certificates.models.CertificateOperation;
import com.azure.security.keyvault.certificates.models.CertificatePolicy;
import com.azure.security.keyvault.certificates.models.CertificateProperties;
import com.azure.security.keyvault.certificates.models.DeletedCertificate;
import com.azure.security.keyvault.certificates.models.ImportCertificateOptions;
import com.azure.security.keyvault.certificates.models.IssuerProperties;
import com.azure.security.keyvault.certificates.models.KeyVaultCertificate;
import com.azure.security.keyvault.certificates.models.KeyVaultCertificateWithPolicy;
import com.azure.security.keyvault.certificates.models.MergeCertificateOptions;

final class Certificates extends Parts {
    private static final CertificatePolicy SELF = new CertificatePolicy("Self", "CN=java.example");
    private static final CertificatePolicy MANUAL = new CertificatePolicy("Unknown", "CN=java.example");

    static void prove(CertificateClient client) {
        Proving.declare(client);
        properties(client);
        requests(client);
        issuers(client);
        deletion(client);
    }

    // X.509 that Java's library cannot make: tests/interop/node/throwaway.py. The texts in its answer, in their order.
    private static List<String> throwaway(String asked) throws Exception {
        Process process = new ProcessBuilder(System.getenv("PYTHON"), System.getenv("THROWAWAY")).start();
        try (var input = process.getOutputStream()) {
            input.write(asked.getBytes());
        }
        var texts = Pattern.compile("\"([A-Za-z0-9+/=]{100,})\"").matcher(new String(process.getInputStream().readAllBytes()));
        List<String> found = new ArrayList<>();
        while (texts.find()) found.add(texts.group(1));
        return found;
    }

    private static KeyVaultCertificateWithPolicy create(CertificateClient client, String name) throws Exception {
        SyncPoller<CertificateOperation, KeyVaultCertificateWithPolicy> creation = Proving.call(client, "beginCreateCertificate", name, SELF);
        return quick(creation).getFinalResult();
    }

    private static void properties(CertificateClient client) {
        Proving.step("certificates: create, get, update and list", () -> {
            String name = Proving.freshName();
            KeyVaultCertificateWithPolicy made = create(client, name);
            String version = made.getProperties().getVersion();
            KeyVaultCertificateWithPolicy got = Proving.call(client, "getCertificate", name);
            Proving.check(got.getId().equals(made.getId()), "the same certificate");
            Proving.call(client, "getCertificateWithResponse", name, Context.NONE);
            KeyVaultCertificate one = Proving.call(client, "getCertificateVersion", name, version);
            Response<KeyVaultCertificate> answer = Proving.call(client, "getCertificateVersionWithResponse", name, version, Context.NONE);
            Proving.check(java.util.Arrays.equals(one.getCer(), answer.getValue().getCer()), "the same certificate");
            KeyVaultCertificate changed = Proving.call(client, "updateCertificateProperties", one.getProperties().setEnabled(false));
            Proving.check(!changed.getProperties().isEnabled(), "disabled");
            Proving.call(client, "updateCertificatePropertiesWithResponse", changed.getProperties().setEnabled(true), Context.NONE);
            CertificatePolicy policy = Proving.call(client, "getCertificatePolicy", name);
            Proving.check(policy.getSubject().equals("CN=java.example"), "its policy");
            Proving.call(client, "getCertificatePolicyWithResponse", name, Context.NONE);
            policy = Proving.call(client, "updateCertificatePolicy", name, policy.setValidityInMonths(24));
            Proving.check(policy.getValidityInMonths() == 24, "24 months");
            Proving.call(client, "updateCertificatePolicyWithResponse", name, policy, Context.NONE);
            PagedIterable<CertificateProperties> all = Proving.call(client, "listPropertiesOfCertificates");
            Proving.check(Proving.count(all, item -> item.getName().equals(name)) == 1, "in the list");
            PagedIterable<CertificateProperties> versions = Proving.call(client, "listPropertiesOfCertificateVersions", name);
            Proving.check(Proving.count(versions, item -> true) == 1, "one version");
            Proving.check(Main.URL.equals(Proving.call(client, "getVaultUrl")), "the vault");
        });
    }

    private static void requests(CertificateClient client) {
        Proving.step("certificates: requests that somebody else signs, and import", () -> {
            for (boolean simple : new boolean[] {true, false}) {
                String name = Proving.freshName();
                client.beginCreateCertificate(name, MANUAL);
                SyncPoller<CertificateOperation, KeyVaultCertificateWithPolicy> pending = Proving.call(client, "getCertificateOperation", name);
                byte[] csr = pending.poll().getValue().getCsr();
                var chain = throwaway("{\"do\": \"sign\", \"csr\": \"" + Base64.getEncoder().encodeToString(csr) + "\"}");
                var options = new MergeCertificateOptions(name, chain.stream().map(Base64.getDecoder()::decode).toList());
                byte[] cer;
                if (simple) {
                    KeyVaultCertificate merged = Proving.call(client, "mergeCertificate", options);
                    cer = merged.getCer();
                } else {
                    Response<KeyVaultCertificateWithPolicy> merged = Proving.call(client, "mergeCertificateWithResponse", options, Context.NONE);
                    cer = merged.getValue().getCer();
                }
                Proving.check(java.util.Arrays.equals(cer, Base64.getDecoder().decode(chain.get(0))), "merged");
            }
            for (boolean simple : new boolean[] {true, false}) {
                String name = Proving.freshName();
                client.beginCreateCertificate(name, MANUAL);
                if (simple) {
                    CertificateOperation cancelled = Proving.call(client, "cancelCertificateOperation", name);
                    Proving.check(cancelled.getCancellationRequested(), "cancelled");
                    Proving.call(client, "deleteCertificateOperation", name);
                } else {
                    Proving.call(client, "cancelCertificateOperationWithResponse", name, Context.NONE);
                    Proving.call(client, "deleteCertificateOperationWithResponse", name, Context.NONE);
                }
            }
            byte[] pfx = Base64.getDecoder().decode(throwaway("{\"do\": \"make\", \"kind\": \"RSA\", \"subject\": \"a\", \"password\": \"pw\"}").get(1));
            var options = new ImportCertificateOptions(Proving.freshName(), pfx).setPassword("pw");
            KeyVaultCertificateWithPolicy imported = Proving.call(client, "importCertificate", options);
            Proving.check(imported.getPolicy().getSubject().equals("CN=a"), "imported");
            Proving.call(client, "importCertificateWithResponse", new ImportCertificateOptions(Proving.freshName(), pfx).setPassword("pw"), Context.NONE);
        });
    }

    private static void issuers(CertificateClient client) {
        Proving.step("certificates: contacts and issuers", () -> {
            PagedIterable<CertificateContact> set = Proving.call(client, "setContacts", List.of(new CertificateContact().setEmail("a@b.example")));
            Proving.check(Proving.count(set, item -> true) == 1, "set");
            PagedIterable<CertificateContact> contacts = Proving.call(client, "listContacts");
            Proving.check(Proving.count(contacts, item -> item.getEmail().equals("a@b.example")) == 1, "one contact");
            PagedIterable<CertificateContact> removed = Proving.call(client, "deleteContacts");
            Proving.check(Proving.count(removed, item -> true) == 1, "it was removed");
            String name = Proving.freshName();
            CertificateIssuer made = Proving.call(client, "createIssuer", new CertificateIssuer(name, "Test").setAccountId("me").setPassword("pw"));
            Proving.check(made.getProvider().equals("Test"), "its provider");
            Proving.call(client, "createIssuerWithResponse", new CertificateIssuer(name, "Test"), Context.NONE);
            CertificateIssuer changed = Proving.call(client, "updateIssuer", new CertificateIssuer(name, "Test").setOrganizationId("acme"));
            Proving.check(changed.getOrganizationId().equals("acme"), "its organisation");
            Proving.call(client, "updateIssuerWithResponse", changed, Context.NONE);
            CertificateIssuer got = Proving.call(client, "getIssuer", name);
            Proving.check(got.getOrganizationId().equals("acme"), "its organisation");
            Proving.call(client, "getIssuerWithResponse", name, Context.NONE);
            PagedIterable<IssuerProperties> all = Proving.call(client, "listPropertiesOfIssuers");
            Proving.check(Proving.count(all, item -> item.getName().equals(name)) == 1, "in the list");
            Proving.call(client, "deleteIssuer", name);
            client.createIssuer(new CertificateIssuer(name, "Test"));
            Proving.call(client, "deleteIssuerWithResponse", name, Context.NONE);
        });
    }

    private static void deletion(CertificateClient client) {
        Proving.step("certificates: delete, recover, purge and restore", () -> {
            String name = Proving.freshName();
            KeyVaultCertificateWithPolicy made = create(client, name);
            byte[] backup = Proving.call(client, "backupCertificate", name);
            Response<byte[]> again = Proving.call(client, "backupCertificateWithResponse", name, Context.NONE);
            SyncPoller<DeletedCertificate, Void> deletion = Proving.call(client, "beginDeleteCertificate", name);
            quick(deletion).waitForCompletion();
            DeletedCertificate deleted = Proving.call(client, "getDeletedCertificate", name);
            Proving.check(deleted.getRecoveryId() != null, "it has a recovery id");
            Proving.call(client, "getDeletedCertificateWithResponse", name, Context.NONE);
            PagedIterable<DeletedCertificate> all = Proving.call(client, "listDeletedCertificates");
            Proving.check(Proving.count(all, item -> item.getName().equals(name)) == 1, "in the list of the deleted");
            SyncPoller<KeyVaultCertificateWithPolicy, Void> recovery = Proving.call(client, "beginRecoverDeletedCertificate", name);
            quick(recovery).waitForCompletion();
            for (byte[] value : new byte[][] {backup, again.getValue()}) {
                quick(client.beginDeleteCertificate(name)).waitForCompletion();
                if (value == backup) Proving.call(client, "purgeDeletedCertificate", name);
                else Proving.call(client, "purgeDeletedCertificateWithResponse", name, Context.NONE);
                Proving.eventually(() -> {
                    if (value == backup) Proving.call(client, "restoreCertificateBackup", (Object) value);
                    else Proving.call(client, "restoreCertificateBackupWithResponse", value, Context.NONE);
                });
            }
            Proving.check(client.getCertificate(name).getId().equals(made.getId()), "the same version");
        });
    }
}
