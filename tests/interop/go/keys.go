package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

func proveKeys(client *azkeys.Client) {
	declare("azkeys", client)

	step("keys: create, get, update, rotate and list", func() {
		name := freshName()
		made := must(use(client.CreateKey)(ctx, name, azkeys.CreateKeyParameters{
			Kty: to(azkeys.KeyTypeRSAHSM), KeySize: to(int32(3072)), Tags: map[string]*string{"a": to("1")}}, nil))
		assert(len(made.Key.N) == 384, "3072 bits")
		got := must(use(client.GetKey)(ctx, name, made.Key.KID.Version(), nil))
		assert(bytes.Equal(got.Key.N, made.Key.N) && *got.Tags["a"] == "1", "the same key")
		rotated := must(use(client.RotateKey)(ctx, name, nil))
		assert(*rotated.Key.KID != *made.Key.KID, "a newer version")
		changed := must(use(client.UpdateKey)(ctx, name, made.Key.KID.Version(), azkeys.UpdateKeyParameters{
			KeyAttributes: &azkeys.KeyAttributes{Enabled: to(false)}}, nil))
		assert(!*changed.Attributes.Enabled, "disabled")
		listed := names(use(client.NewListKeyPropertiesPager)(nil), func(page azkeys.ListKeyPropertiesResponse) []string {
			return keyNames(page.Value)
		})
		assert(listed[name], "in the list")
		versions := use(client.NewListKeyPropertiesVersionsPager)(name, nil)
		count := 0
		for versions.More() {
			count += len(must(versions.NextPage(ctx)).Value)
		}
		assert(count == 2, "two versions")
	})

	step("keys: encrypt, decrypt, wrap and unwrap", func() {
		name := freshName()
		made := must(client.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeRSA)}, nil))
		plain := azkeys.KeyOperationParameters{Algorithm: to(azkeys.EncryptionAlgorithmRSAOAEP256), Value: []byte("plain")}
		hidden := plain
		hidden.Value = must(use(client.Encrypt)(ctx, name, "", plain, nil)).Result
		assert(string(must(use(client.Decrypt)(ctx, name, made.Key.KID.Version(), hidden, nil)).Result) == "plain", "decrypted")
		hidden.Value = must(use(client.WrapKey)(ctx, name, "", plain, nil)).Result
		assert(string(must(use(client.UnwrapKey)(ctx, name, made.Key.KID.Version(), hidden, nil)).Result) == "plain", "unwrapped")
		hidden.Value[0] ^= 1
		_, err := client.UnwrapKey(ctx, name, made.Key.KID.Version(), hidden, nil)
		refused(400, err)
	})

	step("keys: sign and verify, and an imported key", func() {
		name := freshName()
		private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		imported := must(use(client.ImportKey)(ctx, name, azkeys.ImportKeyParameters{Key: &azkeys.JSONWebKey{
			Kty: to(azkeys.KeyTypeEC), Crv: to(azkeys.CurveNameP256), D: private.D.FillBytes(make([]byte, 32)),
			X: private.X.FillBytes(make([]byte, 32)), Y: private.Y.FillBytes(make([]byte, 32))}}, nil))
		digest := sha256.Sum256([]byte("data"))
		algorithm := azkeys.SignatureAlgorithmES256
		signed := must(use(client.Sign)(ctx, name, "", azkeys.SignParameters{Algorithm: &algorithm, Value: digest[:]}, nil))
		check := azkeys.VerifyParameters{Algorithm: &algorithm, Digest: digest[:], Signature: signed.Result}
		assert(*must(use(client.Verify)(ctx, name, imported.Key.KID.Version(), check, nil)).Value, "a good signature")
		check.Signature = bytes.Clone(signed.Result)
		check.Signature[5] ^= 1
		assert(!*must(client.Verify(ctx, name, "", check, nil)).Value, "a bad signature")
	})

	step("keys: rotation policy", func() {
		name := freshName()
		must(client.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC)}, nil))
		policy := azkeys.KeyRotationPolicy{
			Attributes: &azkeys.KeyRotationPolicyAttributes{ExpiryTime: to("P2Y")},
			LifetimeActions: []*azkeys.LifetimeAction{{
				Action:  &azkeys.LifetimeActionType{Type: to(azkeys.KeyRotationPolicyActionRotate)},
				Trigger: &azkeys.LifetimeActionTrigger{TimeAfterCreate: to("P90D")},
			}},
		}
		must(use(client.UpdateKeyRotationPolicy)(ctx, name, policy, nil))
		got := must(use(client.GetKeyRotationPolicy)(ctx, name, nil))
		assert(*got.Attributes.ExpiryTime == "P2Y" && *got.LifetimeActions[0].Trigger.TimeAfterCreate == "P90D", "as it was set")
	})

	step("keys: delete, recover, purge and restore", func() {
		name := freshName()
		made := must(client.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeEC)}, nil))
		backup := must(use(client.BackupKey)(ctx, name, nil))
		deleteKey := func() {
			must(use(client.DeleteKey)(ctx, name, nil))
			eventually(func() bool { _, err := client.GetDeletedKey(ctx, name, nil); return err == nil })
		}
		deleteKey()
		assert(must(use(client.GetDeletedKey)(ctx, name, nil)).RecoveryID != nil, "it has a recovery id")
		deleted := names(use(client.NewListDeletedKeyPropertiesPager)(nil), func(page azkeys.ListDeletedKeyPropertiesResponse) []string {
			found := []string{}
			for _, item := range page.Value {
				found = append(found, item.KID.Name())
			}
			return found
		})
		assert(deleted[name], "in the list of the deleted")
		must(use(client.RecoverDeletedKey)(ctx, name, nil))
		eventually(func() bool { _, err := client.GetKey(ctx, name, "", nil); return err == nil })
		deleteKey()
		must(use(client.PurgeDeletedKey)(ctx, name, nil))
		restore := azkeys.RestoreKeyParameters{KeyBackup: backup.Value}
		eventually(func() bool { _, err := use(client.RestoreKey)(ctx, restore, nil); return err == nil })
		assert(*must(client.GetKey(ctx, name, "", nil)).Key.KID == *made.Key.KID, "the same version")
	})

	step("keys: attestation, and release to an attested environment", func() {
		name := freshName()
		made := must(client.CreateKey(ctx, name, azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeRSAHSM),
			KeyAttributes: &azkeys.KeyAttributes{Exportable: to(true)},
			ReleasePolicy: &azkeys.KeyReleasePolicy{EncodedPolicy: []byte(os.Getenv("RELEASE_POLICY"))}}, nil))
		stated := must(use(client.GetKeyAttestation)(ctx, name, made.Key.KID.Version(), nil))
		attestation := stated.Attributes.Attestation
		assert(bytes.HasPrefix(attestation.CertificatePEMFile, []byte("-----BEGIN CERTIFICATE-----")), "a certificate")
		assert(len(attestation.PrivateKeyAttestation) > 500, "a statement")
		target := azkeys.ReleaseParameters{TargetAttestationToken: to(os.Getenv("RELEASE_TOKEN"))}
		fmt.Println("released", name, *must(use(client.Release)(ctx, name, made.Key.KID.Version(), target, nil)).Value)
		target.TargetAttestationToken = to("not-a-token")
		_, err := client.Release(ctx, name, made.Key.KID.Version(), target, nil)
		refused(403, err)
	})

	step("keys: random bytes", func() {
		random := must(use(client.GetRandomBytes)(ctx, azkeys.GetRandomBytesParameters{Count: to(int32(8))}, nil))
		assert(len(random.Value) == 8, "8 bytes")
	})
}

func keyNames(items []*azkeys.KeyProperties) []string {
	found := []string{}
	for _, item := range items {
		found = append(found, item.KID.Name())
	}
	return found
}
