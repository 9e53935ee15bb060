import static java.util.Map.of;

import com.azure.core.http.rest.PagedIterable;
import com.azure.core.http.rest.Response;
import com.azure.core.util.Context;
import com.azure.core.util.polling.SyncPoller;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.models.DeletedSecret;
import com.azure.security.keyvault.secrets.models.KeyVaultSecret;
import com.azure.security.keyvault.secrets.models.SecretProperties;

final class Secrets extends Parts {
    static void prove(SecretClient client) {
        Proving.declare(client);

        Proving.step("secrets: set, get, update and list", () -> {
            String name = Proving.freshName();
            var properties = new SecretProperties().setContentType("text/plain").setTags(of("a", "1"));
            KeyVaultSecret first = Proving.call(client, "setSecret", new KeyVaultSecret(name, "one").setProperties(properties));
            String version = first.getProperties().getVersion();
            Response<KeyVaultSecret> second = Proving.call(client, "setSecretWithResponse", new KeyVaultSecret(name, "two"), Context.NONE);
            Proving.check(second.getStatusCode() == 200, "200");
            KeyVaultSecret newest = Proving.call(client, "getSecret", name);
            Proving.check(newest.getValue().equals("two"), "the newest version");
            Response<KeyVaultSecret> old = Proving.call(client, "getSecretWithResponse", name, version, Context.NONE);
            Proving.check(old.getValue().getValue().equals("one"), "the older version");
            Proving.check(old.getValue().getProperties().getTags().equals(of("a", "1")), "its tags");
            SecretProperties changed = Proving.call(client, "updateSecretProperties", old.getValue().getProperties().setContentType("a/b"));
            Proving.check(changed.getContentType().equals("a/b"), "a type");
            Response<SecretProperties> disabled = Proving.call(client, "updateSecretPropertiesWithResponse", changed.setEnabled(false), Context.NONE);
            Proving.check(!disabled.getValue().isEnabled(), "disabled");
            Proving.refused(403, () -> client.getSecret(name, version));
            PagedIterable<SecretProperties> all = Proving.call(client, "listPropertiesOfSecrets");
            Proving.check(Proving.count(all, item -> item.getName().equals(name)) == 1, "in the list");
            PagedIterable<SecretProperties> versions = Proving.call(client, "listPropertiesOfSecretVersions", name);
            Proving.check(Proving.count(versions, item -> true) == 2, "two versions");
            Proving.check(Main.URL.equals(Proving.call(client, "getVaultUrl")), "the vault");
        });

        Proving.step("secrets: delete, recover, purge and restore", () -> {
            String name = Proving.freshName();
            client.setSecret(name, "one");
            byte[] backup = Proving.call(client, "backupSecret", name);
            // This method of version 4.11.1 returns the text of the whole answer instead of the backup in it.
            Response<byte[]> answer = Proving.call(client, "backupSecretWithResponse", name, Context.NONE);
            Proving.check(new String(answer.getValue()).startsWith("{\"value\":"), "an answer");
            SyncPoller<DeletedSecret, Void> deletion = Proving.call(client, "beginDeleteSecret", name);
            quick(deletion).waitForCompletion();
            DeletedSecret deleted = Proving.call(client, "getDeletedSecret", name);
            Proving.check(deleted.getRecoveryId() != null, "it has a recovery id");
            Response<DeletedSecret> same = Proving.call(client, "getDeletedSecretWithResponse", name, Context.NONE);
            Proving.check(same.getValue().getRecoveryId().equals(deleted.getRecoveryId()), "the same");
            PagedIterable<DeletedSecret> all = Proving.call(client, "listDeletedSecrets");
            Proving.check(Proving.count(all, item -> item.getName().equals(name)) == 1, "in the list of the deleted");
            SyncPoller<KeyVaultSecret, Void> recovery = Proving.call(client, "beginRecoverDeletedSecret", name);
            quick(recovery).waitForCompletion();
            for (boolean simple : new boolean[] {true, false}) {
                quick(client.beginDeleteSecret(name)).waitForCompletion();
                if (simple) Proving.call(client, "purgeDeletedSecret", name);
                else Proving.call(client, "purgeDeletedSecretWithResponse", name, Context.NONE);
                Proving.eventually(() -> {
                    if (simple) Proving.call(client, "restoreSecretBackup", (Object) backup);
                    else Proving.call(client, "restoreSecretBackupWithResponse", backup, Context.NONE);
                });
            }
            Proving.check(client.getSecret(name).getValue().equals("one"), "restored");
        });
    }
}
