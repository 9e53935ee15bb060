"""`portal certificate ...`"""

import base64
import ssl
from typing import Annotated, Any, Literal

import typer

from .backends import vault_backend_of
from .errors import CliError
from .object_commands import object_group
from .options import Name, Vault, Version, option
from .output import print_result, print_value

app = object_group("certificate", "Certificates with their keys, issued here or by another issuer.")


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    subject: Annotated[str, option("--subject", text='X.500 name, for example "CN=shop.example"')],
    dns: Annotated[list[str] | None, option("--dns", text="a DNS name; may be repeated")] = None,
    months: Annotated[int, typer.Option(min=1, max=1200, help="its validity")] = 12,
    issuer: Annotated[
        str, typer.Option(help="Self, Unknown (creates a request for another issuer), or an issuer of the vault")
    ] = "Self",
    type_: Annotated[Literal["RSA", "EC"], typer.Option("--type", help="type of its key")] = "RSA",
    size: Annotated[int, typer.Option(help="RSA: 2048, 3072, 4096")] = 2048,
    curve: Annotated[str, typer.Option(help="EC: P-256, P-384, P-521")] = "P-256",
) -> None:
    """Create a certificate with its key, and wait until it is issued."""
    key: dict[str, Any] = {"crv": curve} if type_ == "EC" else {"key_size": size}
    names = {"sans": {"dns_names": dns}} if dns else {}
    policy = {
        "key_props": {"kty": type_, "exportable": True, "reuse_key": False, **key},
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {"subject": subject, "validity_months": months, **names},
        "issuer": {"name": issuer},
    }
    _print_created(vault_backend_of(ctx).create_certificate(vault, name, policy), vault)


@app.command()
def rotate(ctx: typer.Context, name: Name, vault: Vault) -> None:
    """Create a new version with the certificate's own policy, as renewal does."""
    backend = vault_backend_of(ctx)
    _print_created(backend.create_certificate(vault, name, backend.certificate_policy(vault, name)), vault)


@app.command()
def pem(ctx: typer.Context, name: Name, vault: Vault, version: Version = "") -> None:
    """Print the certificate (PEM, RFC 7468). It is public; its key stays in the vault."""
    cer = vault_backend_of(ctx).describe(vault, "certificates", name, version)["cer"]
    if not cer:
        raise CliError(f"{name} is not issued yet. Its request: portal certificate show {name} --vault {vault}")
    text = ssl.DER_cert_to_PEM_cert(base64.b64decode(cer)).rstrip()
    print_value(text, vault=vault, name=name, pem=text)


def _print_created(created: dict[str, Any], vault: str) -> None:
    name = created["name"]
    if created.get("status") == "inProgress":
        text = f"{name} is waiting for its issuer. Its request (PKCS#10, base64):\n{created['csr']}"
    else:
        text = f"{name} is issued in {vault}, version {created['version']}, valid until {created['expires']}."
    print_result(text, vault=vault, **created)
