"""Go, with azure-sdk-for-go."""

from apps.interfaces.console.snippets.subject import SnippetSubject


def _use(used: SnippetSubject) -> str:
    """The statements that use the object."""
    digest = {"256": "sha256.Sum256", "384": "sha512.Sum384", "512": "sha512.Sum512"}[used.bits]
    uses = {
        "secrets": f'got, err := client.GetSecret(ctx, "{used.name}", "", nil)\n\tcheck(err)\n'
        '\tfmt.Println(len(*got.Value), "characters")',
        "certificates": f'got, err := client.GetCertificate(ctx, "{used.name}", "", nil)\n\tcheck(err)\n'
        "\tfmt.Println(hex.EncodeToString(got.X509Thumbprint))",
        "keys": f'digest := {digest}([]byte("hello"))\n'
        f'\talgorithm := azkeys.SignatureAlgorithm("{used.algorithm}")\n'
        f'\tgot, err := client.Sign(ctx, "{used.name}", "", '
        "azkeys.SignParameters{Algorithm: &algorithm, Value: digest[:]}, nil)\n"
        "\tcheck(err)\n\tfmt.Println(hex.EncodeToString(got.Result))",
    }
    if used.wraps:
        uses["keys"] = (
            "secret := make([]byte, 32)\n\trand.Read(secret)\n"
            f'\talgorithm := azkeys.EncryptionAlgorithm("{used.algorithm}")\n'
            f'\tgot, err := client.WrapKey(ctx, "{used.name}", "", '
            "azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: secret}, nil)\n"
            "\tcheck(err)\n\tfmt.Println(hex.EncodeToString(got.Result))"
        )
    return uses[used.kind]


def program(used: SnippetSubject) -> str:
    """A whole file."""
    package = {"keys": "azkeys", "secrets": "azsecrets", "certificates": "azcertificates"}[used.kind]
    hashing = "crypto/rand" if used.wraps else "crypto/sha256" if used.bits == "256" else "crypto/sha512"
    encoding = '"encoding/hex"\n\t'
    imports = {"secrets": "", "certificates": encoding, "keys": f'"{hashing}"\n\t{encoding}'}
    return f"""
package main

import (
	"context"
	{imports[used.kind]}"fmt"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/{package}"
)

func check(err error) {{
	if err != nil {{
		panic(err)
	}}
}}

func main() {{
	ctx := context.Background()
	options := &azidentity.ClientSecretCredentialOptions{{
		ClientOptions: azcore.ClientOptions{{Cloud: cloud.Configuration{{
			ActiveDirectoryAuthorityHost: "{used.authority}/"}}}},
		DisableInstanceDiscovery: true,
	}}
	credential, err := azidentity.NewClientSecretCredential(
		"{used.tenant_id}",
		os.Getenv("AZURE_CLIENT_ID"),
		os.Getenv("AZURE_CLIENT_SECRET"),
		options,
	)
	check(err)
	client, err := {package}.NewClient("{used.url}", credential, nil)
	check(err)
	{_use(used)}
}}"""
