import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.util.List;

import com.azure.core.credential.TokenCredential;
import com.azure.core.http.rest.PagedIterable;
import com.azure.core.http.rest.Response;
import com.azure.core.util.BinaryData;
import com.azure.core.util.Context;
import com.azure.core.util.polling.SyncPoller;
import com.azure.security.keyvault.keys.KeyClient;
import com.azure.security.keyvault.keys.cryptography.CryptographyClientBuilder;
import com.azure.security.keyvault.keys.cryptography.models.DecryptParameters;
import com.azure.security.keyvault.keys.cryptography.models.DecryptResult;
import com.azure.security.keyvault.keys.cryptography.models.EncryptParameters;
import com.azure.security.keyvault.keys.cryptography.models.EncryptResult;
import com.azure.security.keyvault.keys.cryptography.models.EncryptionAlgorithm;
import com.azure.security.keyvault.keys.cryptography.models.KeyWrapAlgorithm;
import com.azure.security.keyvault.keys.cryptography.models.SignResult;
import com.azure.security.keyvault.keys.cryptography.models.SignatureAlgorithm;
import com.azure.security.keyvault.keys.cryptography.models.UnwrapResult;
import com.azure.security.keyvault.keys.cryptography.models.VerifyResult;
import com.azure.security.keyvault.keys.cryptography.models.WrapResult;
import com.azure.security.keyvault.keys.models.CreateEcKeyOptions;
import com.azure.security.keyvault.keys.models.CreateKeyOptions;
import com.azure.security.keyvault.keys.models.CreateOctKeyOptions;
import com.azure.security.keyvault.keys.models.CreateRsaKeyOptions;
import com.azure.security.keyvault.keys.models.DeletedKey;
import com.azure.security.keyvault.keys.models.ImportKeyOptions;
import com.azure.security.keyvault.keys.models.JsonWebKey;
import com.azure.security.keyvault.keys.models.KeyAttestation;
import com.azure.security.keyvault.keys.models.KeyCurveName;
import com.azure.security.keyvault.keys.models.KeyProperties;
import com.azure.security.keyvault.keys.models.KeyReleasePolicy;
import com.azure.security.keyvault.keys.models.KeyRotationLifetimeAction;
import com.azure.security.keyvault.keys.models.KeyRotationPolicy;
import com.azure.security.keyvault.keys.models.KeyRotationPolicyAction;
import com.azure.security.keyvault.keys.models.KeyType;
import com.azure.security.keyvault.keys.models.KeyVaultKey;
import com.azure.security.keyvault.keys.models.ReleaseKeyOptions;
import com.azure.security.keyvault.keys.models.ReleaseKeyResult;

final class Keys extends Parts {
    static void prove(KeyClient client, TokenCredential credential) {
        Proving.declare(client);
        creation(client);
        properties(client);
        uses(client, credential);
        leaving(client);
        rotation(client);
        deletion(client);
    }

    private static void creation(KeyClient client) {
        Proving.step("keys: create and import", () -> {
            KeyVaultKey made = Proving.call(client, "createKey", Proving.freshName(), KeyType.RSA);
            Proving.check(made.getKeyType().equals(KeyType.RSA), "RSA");
            Response<KeyVaultKey> answer = Proving.call(client, "createKeyWithResponse",
                new CreateKeyOptions(Proving.freshName(), KeyType.EC_HSM), Context.NONE);
            Proving.check(answer.getValue().getKeyType().equals(KeyType.EC_HSM), "EC-HSM");
            var rsa = new CreateRsaKeyOptions(Proving.freshName()).setKeySize(3072).setHardwareProtected(true);
            made = Proving.call(client, "createRsaKey", rsa);
            Proving.check(made.getKey().getN().length == 384, "3072 bits");
            Proving.call(client, "createRsaKeyWithResponse", new CreateRsaKeyOptions(Proving.freshName()), Context.NONE);
            made = Proving.call(client, "createEcKey", new CreateEcKeyOptions(Proving.freshName()).setCurveName(KeyCurveName.P_384));
            Proving.check(made.getKey().getCurveName().equals(KeyCurveName.P_384), "P-384");
            Proving.call(client, "createEcKeyWithResponse", new CreateEcKeyOptions(Proving.freshName()), Context.NONE);
            var oct = new CreateOctKeyOptions(Proving.freshName()).setKeySize(256).setHardwareProtected(true);
            made = Proving.call(client, "createOctKey", oct);
            Proving.check(made.getKeyType().equals(KeyType.OCT_HSM), "oct-HSM");
            oct = new CreateOctKeyOptions(Proving.freshName()).setKeySize(128).setHardwareProtected(true);
            Proving.call(client, "createOctKeyWithResponse", oct, Context.NONE);
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            KeyPair pair = generator.generateKeyPair();
            JsonWebKey own = JsonWebKey.fromRsa(pair);
            made = Proving.call(client, "importKey", Proving.freshName(), own);
            Proving.check(java.util.Arrays.equals(made.getKey().getN(), own.getN()), "the same key");
            Proving.call(client, "importKeyWithResponse", new ImportKeyOptions(Proving.freshName(), own).setHardwareProtected(true), Context.NONE);
        });
    }

    private static void properties(KeyClient client) {
        Proving.step("keys: get, update and list", () -> {
            String name = Proving.freshName();
            KeyVaultKey made = client.createEcKey(new CreateEcKeyOptions(name).setTags(java.util.Map.of("a", "1")));
            KeyVaultKey got = Proving.call(client, "getKey", name);
            Proving.check(got.getId().equals(made.getId()) && got.getProperties().getTags().get("a").equals("1"), "the same key");
            Response<KeyVaultKey> answer = Proving.call(client, "getKeyWithResponse", name, made.getProperties().getVersion(), Context.NONE);
            KeyVaultKey changed = Proving.call(client, "updateKeyProperties", answer.getValue().getProperties().setEnabled(false),
                new com.azure.security.keyvault.keys.models.KeyOperation[] {com.azure.security.keyvault.keys.models.KeyOperation.SIGN});
            Proving.check(!changed.getProperties().isEnabled(), "disabled");
            Proving.call(client, "updateKeyPropertiesWithResponse", changed.getProperties().setEnabled(true), Context.NONE,
                new com.azure.security.keyvault.keys.models.KeyOperation[0]);
            PagedIterable<KeyProperties> all = Proving.call(client, "listPropertiesOfKeys");
            Proving.check(Proving.count(all, item -> item.getName().equals(name)) == 1, "in the list");
            PagedIterable<KeyProperties> versions = Proving.call(client, "listPropertiesOfKeyVersions", name);
            Proving.check(Proving.count(versions, item -> true) == 1, "one version");
            Proving.check(Main.URL.equals(Proving.call(client, "getVaultUrl")), "the vault");
            Object crypto = Proving.call(client, "getCryptographyClient", name);
            Proving.declare(crypto);
            KeyVaultKey its = Proving.call(crypto, "getKey");
            Proving.check(its.getId().equals(made.getId()), "the same key");
            Response<KeyVaultKey> again = Proving.call(crypto, "getKeyWithResponse", Context.NONE);
            Proving.check(again.getStatusCode() == 200, "200");
        });
    }

    private static void uses(KeyClient client, TokenCredential credential) {
        Proving.step("keys: encrypt, decrypt, wrap, unwrap, sign and verify", () -> {
            KeyVaultKey made = client.createRsaKey(new CreateRsaKeyOptions(Proving.freshName()).setHardwareProtected(true));
            var builder = new CryptographyClientBuilder().keyIdentifier(made.getId()).credential(credential);
            var crypto = Proving.pair(builder.buildClient(), builder.buildAsyncClient());
            byte[] plain = "plain".getBytes();
            EncryptResult hidden = Proving.call(crypto, "encrypt", EncryptionAlgorithm.RSA_OAEP_256, plain);
            DecryptResult shown = Proving.call(crypto, "decrypt", EncryptionAlgorithm.RSA_OAEP_256, hidden.getCipherText());
            Proving.check(new String(shown.getPlainText()).equals("plain"), "decrypted");
            hidden = Proving.call(crypto, "encrypt", EncryptParameters.createRsaOaepParameters(plain), Context.NONE);
            shown = Proving.call(crypto, "decrypt", DecryptParameters.createRsaOaepParameters(hidden.getCipherText()), Context.NONE);
            Proving.check(new String(shown.getPlainText()).equals("plain"), "decrypted");
            WrapResult wrapped = Proving.call(crypto, "wrapKey", KeyWrapAlgorithm.RSA_OAEP, plain);
            UnwrapResult unwrapped = Proving.call(crypto, "unwrapKey", KeyWrapAlgorithm.RSA_OAEP, wrapped.getEncryptedKey());
            Proving.check(new String(unwrapped.getKey()).equals("plain"), "unwrapped");
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(plain);
            SignResult signed = Proving.call(crypto, "sign", SignatureAlgorithm.PS256, digest);
            VerifyResult verified = Proving.call(crypto, "verify", SignatureAlgorithm.PS256, digest, signed.getSignature());
            Proving.check(verified.isValid(), "a good signature");
            signed = Proving.call(crypto, "signData", SignatureAlgorithm.RS512, plain);
            verified = Proving.call(crypto, "verifyData", SignatureAlgorithm.RS512, plain, signed.getSignature());
            Proving.check(verified.isValid(), "a good signature");
        });
    }

    private static void leaving(KeyClient client) {
        Proving.step("keys: attestation, and release to an attested environment", () -> {
            String name = Proving.freshName(), token = System.getenv("RELEASE_TOKEN");
            var policy = new KeyReleasePolicy(BinaryData.fromString(System.getenv("RELEASE_POLICY")));
            KeyVaultKey made = client.createRsaKey(
                new CreateRsaKeyOptions(name).setHardwareProtected(true).setExportable(true).setReleasePolicy(policy));
            String version = made.getProperties().getVersion();
            KeyVaultKey stated = Proving.call(client, "getKeyAttestation", name);
            KeyAttestation attestation = stated.getProperties().getKeyAttestation();
            Proving.check(new String(attestation.getCertificatePemFile()).startsWith("-----BEGIN CERTIFICATE-----"), "a certificate");
            Proving.check(attestation.getPrivateKeyAttestation().length > 500, "a statement");
            Response<KeyVaultKey> same = Proving.call(client, "getKeyAttestationWithResponse", name, version, Context.NONE);
            Proving.check(same.getValue().getId().equals(made.getId()), "of the same key");
            ReleaseKeyResult released = Proving.call(client, "releaseKey", name, token);
            System.out.println("released " + name + " " + released.getValue());
            Response<ReleaseKeyResult> answer = Proving.call(client, "releaseKeyWithResponse", name, version, token,
                new ReleaseKeyOptions().setNonce("once"), Context.NONE);
            System.out.println("released " + name + " " + answer.getValue().getValue());
            Proving.refused(403, () -> client.releaseKey(name, "not-a-token"));
        });
    }

    private static void rotation(KeyClient client) {
        Proving.step("keys: rotation, and random bytes", () -> {
            String name = Proving.freshName();
            KeyVaultKey made = client.createEcKey(new CreateEcKeyOptions(name));
            KeyVaultKey rotated = Proving.call(client, "rotateKey", name);
            Proving.check(!rotated.getId().equals(made.getId()), "a newer version");
            Proving.call(client, "rotateKeyWithResponse", name, Context.NONE);
            var policy = new KeyRotationPolicy().setExpiresIn("P2Y").setLifetimeActions(
                List.of(new KeyRotationLifetimeAction(KeyRotationPolicyAction.ROTATE).setTimeAfterCreate("P90D")));
            KeyRotationPolicy set = Proving.call(client, "updateKeyRotationPolicy", name, policy);
            Proving.check(set.getExpiresIn().equals("P2Y"), "as it was set");
            Proving.call(client, "updateKeyRotationPolicyWithResponse", name, policy, Context.NONE);
            KeyRotationPolicy got = Proving.call(client, "getKeyRotationPolicy", name);
            Proving.check(got.getLifetimeActions().get(0).getTimeAfterCreate().equals("P90D"), "as it was set");
            Proving.call(client, "getKeyRotationPolicyWithResponse", name, Context.NONE);
            byte[] random = Proving.call(client, "getRandomBytes", 8);
            Proving.check(random.length == 8, "8 bytes");
            Proving.call(client, "getRandomBytesWithResponse", 8, Context.NONE);
        });
    }

    private static void deletion(KeyClient client) {
        Proving.step("keys: delete, recover, purge and restore", () -> {
            String name = Proving.freshName();
            KeyVaultKey made = client.createEcKey(new CreateEcKeyOptions(name));
            byte[] backup = Proving.call(client, "backupKey", name);
            Response<byte[]> again = Proving.call(client, "backupKeyWithResponse", name, Context.NONE);
            SyncPoller<DeletedKey, Void> deletion = Proving.call(client, "beginDeleteKey", name);
            quick(deletion).waitForCompletion();
            DeletedKey deleted = Proving.call(client, "getDeletedKey", name);
            Proving.check(deleted.getRecoveryId() != null, "it has a recovery id");
            Proving.call(client, "getDeletedKeyWithResponse", name, Context.NONE);
            PagedIterable<DeletedKey> all = Proving.call(client, "listDeletedKeys");
            Proving.check(Proving.count(all, item -> item.getName().equals(name)) == 1, "in the list of the deleted");
            SyncPoller<KeyVaultKey, Void> recovery = Proving.call(client, "beginRecoverDeletedKey", name);
            quick(recovery).waitForCompletion();
            for (byte[] value : new byte[][] {backup, again.getValue()}) {
                quick(client.beginDeleteKey(name)).waitForCompletion();
                if (value == backup) Proving.call(client, "purgeDeletedKey", name);
                else Proving.call(client, "purgeDeletedKeyWithResponse", name, Context.NONE);
                Proving.eventually(() -> {
                    if (value == backup) Proving.call(client, "restoreKeyBackup", (Object) value);
                    else Proving.call(client, "restoreKeyBackupWithResponse", value, Context.NONE);
                });
            }
            Proving.check(client.getKey(name).getId().equals(made.getId()), "the same version");
        });
    }
}
