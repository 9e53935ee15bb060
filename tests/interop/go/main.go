// Every method of the Go clients, unmodified, signed in by DefaultAzureCredential with environment variables alone.
package main

import (
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

func main() {
	url := os.Getenv("VAULT_URL")
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		panic(err)
	}
	if len(os.Args) > 1 && os.Args[1] == "signin" {
		step("sign-in", func() { signIn(must(azsecrets.NewClient(url, credential, nil))) })
	} else {
		proveSecrets(must(azsecrets.NewClient(url, credential, nil)))
		proveKeys(must(azkeys.NewClient(url, credential, nil)))
		proveCertificates(must(azcertificates.NewClient(url, credential, nil)))
	}
	if len(failed) > 0 {
		os.Exit(1)
	}
}

func signIn(client *azsecrets.Client) {
	name := freshName()
	must(client.SetSecret(ctx, name, azsecrets.SetSecretParameters{Value: to("v")}, nil))
	assert(*must(client.GetSecret(ctx, name, "", nil)).Value == "v", "the secret is there")
}
