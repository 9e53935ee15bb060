"""Go, with azure-sdk-for-go."""

from string import Template

from apps.interfaces.console.snippets.subject import SnippetSubject

_PROGRAM = Template("""
package main

import (
	"context"
	${imports}"fmt"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/${package}"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx := context.Background()
	options := &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: "${authority}/"}},
		DisableInstanceDiscovery: true,
	}
	credential, err := azidentity.NewClientSecretCredential(
		"${tenant_id}",
		os.Getenv("AZURE_CLIENT_ID"),
		os.Getenv("AZURE_CLIENT_SECRET"),
		options,
	)
	check(err)
	client, err := ${package}.NewClient("${url}", credential, nil)
	check(err)
	${use}
}""")
_DIGESTS = {"256": "sha256.Sum256", "384": "sha512.Sum384", "512": "sha512.Sum512"}
_READ = """got, err := client.GetSecret(ctx, "${name}", "", nil)
	check(err)
	fmt.Println(len(*got.Value), "characters")"""
_CERTIFICATE = """got, err := client.GetCertificate(ctx, "${name}", "", nil)
	check(err)
	fmt.Println(hex.EncodeToString(got.X509Thumbprint))"""
_SIGN = """digest := ${digest}([]byte("hello"))
	algorithm := azkeys.SignatureAlgorithm("${algorithm}")
	got, err := client.Sign(ctx, "${name}", "", azkeys.SignParameters{Algorithm: &algorithm, Value: digest[:]}, nil)
	check(err)
	fmt.Println(hex.EncodeToString(got.Result))"""
_WRAP = """secret := make([]byte, 32)
	rand.Read(secret)
	algorithm := azkeys.EncryptionAlgorithm("${algorithm}")
	got, err := client.WrapKey(ctx, "${name}", "", \
azkeys.KeyOperationParameters{Algorithm: &algorithm, Value: secret}, nil)
	check(err)
	fmt.Println(hex.EncodeToString(got.Result))"""


def program(used: SnippetSubject) -> str:
    """A whole file."""
    package, packages, use = {
        "secrets": ("azsecrets", (), _READ),
        "certificates": ("azcertificates", ("encoding/hex",), _CERTIFICATE),
        "keys": (
            "azkeys",
            (_hashing(used), "encoding/hex"),
            _WRAP if used.wraps else _SIGN,
        ),
    }[used.kind]
    calls = Template(use).substitute(name=used.name, algorithm=used.algorithm, digest=_DIGESTS[used.bits])
    return _PROGRAM.substitute(
        imports="".join(f'"{name}"\n\t' for name in packages),
        package=package,
        authority=used.authority,
        tenant_id=used.tenant_id,
        url=used.url,
        use=calls,
    )


def _hashing(used: SnippetSubject) -> str:
    return "crypto/rand" if used.wraps else "crypto/sha256" if used.bits == "256" else "crypto/sha512"
