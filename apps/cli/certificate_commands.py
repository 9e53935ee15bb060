"""`portal certificate ...`"""

import base64
import textwrap
from typing import Annotated, Any

import typer

from .doors import using
from .key_commands import KeyType
from .object_commands import add_common
from .options import Json, Name, Vault, Version, group
from .problems import Exit, Problem
from .showing import document, done, say

app = group("Certificates: with their keys, issued here or elsewhere.")
add_common(app, "certificates")

Subject = Annotated[str, typer.Option(help='X.500 name, for example "CN=shop.example"', show_default=False)]
Dns = Annotated[list[str] | None, typer.Option("--dns", help="a DNS name; may be repeated", show_default=False)]
Months = Annotated[int, typer.Option(min=1, max=1200, help="how long it is valid")]
Issuer = Annotated[str, typer.Option(help="Self, Unknown (a request to take elsewhere), or an issuer of the vault")]
Type = Annotated[KeyType, typer.Option("--type", help="kind of its key")]
Size = Annotated[int, typer.Option(help="RSA: 2048, 3072, 4096")]
Curve = Annotated[str, typer.Option(help="EC: P-256, P-384, P-521")]


@app.command()
def create(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    subject: Subject,
    dns: Dns = None,
    months: Months = 12,
    issuer: Issuer = "Self",
    type_: Type = KeyType.RSA,
    size: Size = 2048,
    curve: Curve = "P-256",
    as_json: Json = False,
) -> None:
    """Make a certificate with its key, and wait until it is issued."""
    if type_ is KeyType.OCT:
        raise Problem("A certificate's key is RSA or EC.", Exit.USAGE)
    key: dict[str, Any] = {"crv": curve} if type_ is KeyType.EC else {"key_size": size}
    names = {"sans": {"dns_names": dns}} if dns else {}
    policy = {
        "key_props": {"kty": type_.value, "exportable": True, "reuse_key": False, **key},
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {"subject": subject, "validity_months": months, **names},
        "issuer": {"name": issuer},
    }
    _tell(using(ctx).create_certificate(vault, name, policy), vault, as_json=as_json)


@app.command()
def rotate(ctx: typer.Context, name: Name, vault: Vault, as_json: Json = False) -> None:
    """Make a new version under the certificate's own policy, as renewal does."""
    door = using(ctx)
    _tell(door.create_certificate(vault, name, door.policy(vault, name)), vault, as_json=as_json)


@app.command()
def pem(ctx: typer.Context, name: Name, vault: Vault, version: Version = "", as_json: Json = False) -> None:
    """Print the certificate itself (PEM, RFC 7468). It is public; its key stays in the vault."""
    cer = using(ctx).facts(vault, "certificates", name, version)["cer"]
    if not cer:
        raise Problem(f"{name} is not issued yet. Its request: portal certificate show {name} --vault {vault}")
    body = textwrap.fill(base64.b64encode(base64.b64decode(cer)).decode(), 64)
    text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"
    if as_json:
        document({"vault": vault, "name": name, "pem": text}, as_json=True)
    else:
        say(text)


def _tell(made: dict[str, Any], vault: str, *, as_json: bool) -> None:
    name = made["name"]
    if made.get("status") == "inProgress":
        text = f"{name} waits for its issuer. Its request (PKCS#10, base64):\n{made['csr']}"
    else:
        text = f"{name} is issued in {vault}, version {made['version']}, valid until {made['expires']}."
    done(text, as_json=as_json, vault=vault, **made)
