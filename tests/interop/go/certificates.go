package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
)

func policy(issuer string) *azcertificates.CertificatePolicy {
	return &azcertificates.CertificatePolicy{
		IssuerParameters: &azcertificates.IssuerParameters{Name: &issuer},
		KeyProperties:    &azcertificates.KeyProperties{KeyType: to(azcertificates.KeyTypeEC), Curve: to(azcertificates.CurveNameP256), Exportable: to(true)},
		X509CertificateProperties: &azcertificates.X509CertificateProperties{
			Subject: to("CN=go.example"), ValidityInMonths: to(int32(12))},
	}
}

// sign is what an authority of the user does with a request: (leaf, authority), DER.
func sign(request []byte) ([]byte, []byte) {
	asked := must(x509.ParseCertificateRequest(request))
	check(asked.CheckSignature())
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "An authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: asked.Subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 6, 0)}
	return must(x509.CreateCertificate(rand.Reader, leaf, authority, asked.PublicKey, key)),
		must(x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key))
}

func proveCertificates(client *azcertificates.Client) {
	declare("azcertificates", client)
	status := func(name string) string {
		return *must(use(client.GetCertificateOperation)(ctx, name, nil)).Status
	}
	create := func(name string) {
		must(use(client.CreateCertificate)(ctx, name, azcertificates.CreateCertificateParameters{CertificatePolicy: policy("Self")}, nil))
		eventually(func() bool { return status(name) == "completed" })
	}
	start := func(name string) []byte {
		parameters := azcertificates.CreateCertificateParameters{CertificatePolicy: policy("Unknown")}
		return must(client.CreateCertificate(ctx, name, parameters, nil)).CSR
	}

	step("certificates: create, get, update and list", func() {
		name := freshName()
		create(name)
		got := must(use(client.GetCertificate)(ctx, name, "", nil))
		assert(must(x509.ParseCertificate(got.CER)).Subject.CommonName == "go.example", "its subject")
		changed := must(use(client.UpdateCertificate)(ctx, name, got.ID.Version(), azcertificates.UpdateCertificateParameters{
			CertificateAttributes: &azcertificates.CertificateAttributes{Enabled: to(false)}}, nil))
		assert(!*changed.Attributes.Enabled, "disabled")
		newer := policy("Unknown")
		newer.X509CertificateProperties.ValidityInMonths = to(int32(24))
		must(use(client.UpdateCertificatePolicy)(ctx, name, *newer, nil))
		assert(*must(use(client.GetCertificatePolicy)(ctx, name, nil)).IssuerParameters.Name == "Unknown", "the newer policy")
		listed := names(use(client.NewListCertificatePropertiesPager)(nil), func(page azcertificates.ListCertificatePropertiesResponse) []string {
			return certificateNames(page.Value)
		})
		assert(listed[name], "in the list")
		versions := names(use(client.NewListCertificatePropertiesVersionsPager)(name, nil), func(page azcertificates.ListCertificatePropertiesVersionsResponse) []string {
			return certificateNames(page.Value)
		})
		assert(versions[name], "a version")
	})

	step("certificates: a request that somebody else signs", func() {
		name := freshName()
		leaf, authority := sign(start(name))
		merged := must(use(client.MergeCertificate)(ctx, name, azcertificates.MergeCertificateParameters{X509Certificates: [][]byte{leaf, authority}}, nil))
		assert(bytes.Equal(merged.CER, leaf) && status(name) == "completed", "merged")
	})

	step("certificates: a request that is cancelled and deleted", func() {
		name := freshName()
		start(name)
		cancelled := must(use(client.UpdateCertificateOperation)(ctx, name, azcertificates.UpdateCertificateOperationParameter{CancellationRequested: to(true)}, nil))
		assert(*cancelled.CancellationRequested, "cancelled")
		must(use(client.DeleteCertificateOperation)(ctx, name, nil))
		_, err := client.GetCertificateOperation(ctx, name, nil)
		refused(404, err)
	})

	step("certificates: import", func() {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		own := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "imported"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))})
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: must(x509.CreateCertificate(rand.Reader, own, own, &key.PublicKey, key))})...)
		imported := must(use(client.ImportCertificate)(ctx, freshName(), azcertificates.ImportCertificateParameters{
			Base64EncodedCertificate: to(string(text)),
			CertificatePolicy:        &azcertificates.CertificatePolicy{SecretProperties: &azcertificates.SecretProperties{ContentType: to("application/x-pem-file")}}}, nil))
		assert(must(x509.ParseCertificate(imported.CER)).Subject.CommonName == "imported", "imported")
	})

	step("certificates: contacts", func() {
		contacts := azcertificates.Contacts{ContactList: []*azcertificates.Contact{{Email: to("a@b.example"), Name: to("A")}}}
		must(use(client.SetContacts)(ctx, contacts, nil))
		assert(*must(use(client.GetContacts)(ctx, nil)).ContactList[0].Email == "a@b.example", "one contact")
		must(use(client.DeleteContacts)(ctx, nil))
		_, err := client.GetContacts(ctx, nil)
		refused(404, err)
	})

	step("certificates: issuers", func() {
		name := freshName()
		must(use(client.SetIssuer)(ctx, name, azcertificates.SetIssuerParameters{Provider: to("Test"),
			Credentials: &azcertificates.IssuerCredentials{AccountID: to("me"), Password: to("pw")}}, nil))
		must(use(client.UpdateIssuer)(ctx, name, azcertificates.UpdateIssuerParameters{
			OrganizationDetails: &azcertificates.OrganizationDetails{ID: to("acme")}}, nil))
		got := must(use(client.GetIssuer)(ctx, name, nil))
		assert(*got.Provider == "Test" && *got.OrganizationDetails.ID == "acme", "as it was set")
		pager := use(client.NewListIssuerPropertiesPager)(nil)
		count := 0
		for pager.More() {
			count += len(must(pager.NextPage(ctx)).Value)
		}
		assert(count > 0, "in the list")
		must(use(client.DeleteIssuer)(ctx, name, nil))
		_, err := client.GetIssuer(ctx, name, nil)
		refused(404, err)
	})

	step("certificates: delete, recover, purge and restore", func() {
		name := freshName()
		create(name)
		made := must(client.GetCertificate(ctx, name, "", nil))
		backup := must(use(client.BackupCertificate)(ctx, name, nil))
		deleteCertificate := func() {
			must(use(client.DeleteCertificate)(ctx, name, nil))
			eventually(func() bool { _, err := client.GetDeletedCertificate(ctx, name, nil); return err == nil })
		}
		deleteCertificate()
		assert(must(use(client.GetDeletedCertificate)(ctx, name, nil)).RecoveryID != nil, "it has a recovery id")
		deleted := names(use(client.NewListDeletedCertificatePropertiesPager)(nil), func(page azcertificates.ListDeletedCertificatePropertiesResponse) []string {
			found := []string{}
			for _, item := range page.Value {
				found = append(found, item.ID.Name())
			}
			return found
		})
		assert(deleted[name], "in the list of the deleted")
		must(use(client.RecoverDeletedCertificate)(ctx, name, nil))
		eventually(func() bool { _, err := client.GetCertificate(ctx, name, "", nil); return err == nil })
		deleteCertificate()
		must(use(client.PurgeDeletedCertificate)(ctx, name, nil))
		restore := azcertificates.RestoreCertificateParameters{CertificateBackup: backup.Value}
		eventually(func() bool { _, err := use(client.RestoreCertificate)(ctx, restore, nil); return err == nil })
		assert(bytes.Equal(must(client.GetCertificate(ctx, name, "", nil)).CER, made.CER), "restored")
	})
}

func certificateNames(items []*azcertificates.CertificateProperties) []string {
	found := []string{}
	for _, item := range items {
		found = append(found, item.ID.Name())
	}
	return found
}
