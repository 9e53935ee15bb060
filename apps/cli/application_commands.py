"""`portal application ...`"""

from typing import Annotated, Any

import typer

from . import completion_names
from .client import client_of
from .command_group import CommandGroup
from .errors import CliError, usage_error
from .files import read_standard_input
from .management_backend import application_id
from .options import Application, argument, option
from .output import print_message, print_object, print_result, print_table

_LARGEST_PEM = 16384  # the limit of the management API

app = CommandGroup("Applications: programs that use vaults, each with its own identity.")


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the applications."""
    rows = client_of(ctx).manage("GET", "applications")
    print_table(rows, ("name", "client_id", "created", "vault_manager"), empty="There are no applications.")


@app.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, argument("the application's name")],
    vault: Annotated[
        str, option("--vault", "-v", text="assign a role in this vault", autocompletion=completion_names.vaults)
    ] = "",
    role: Annotated[
        str, option("--role", text="the role, for example key-vault-crypto-user", autocompletion=completion_names.roles)
    ] = "",
) -> None:
    """Create an application. Its secret is printed only once and cannot be read again."""
    if bool(vault) != bool(role):
        raise usage_error("Specify --vault and --role together.")
    client = client_of(ctx)
    created = client.manage("POST", "applications", body={"name": name})
    _print_credential(created)
    if vault:
        body = {"application": created["client_id"], "role": role}
        try:
            client.manage("POST", "vaults", vault, "role-assignments", body=body)
        except CliError as error:
            text = f"{name} is created, but has no role in {vault} yet: {error.message}"
            raise CliError(text, error.code) from None
        print_message(f"{name} has the role {role} in {vault}.")


@app.command()
def secret(ctx: typer.Context, name: Application) -> None:
    """Create another client secret, so that the old one can be replaced without an outage. Printed only once."""
    _print_credential({"name": name, **_manage(ctx, "POST", name, "secrets")})


@app.command()
def credentials(ctx: typer.Context, name: Application) -> None:
    """List an application's credentials: secrets, certificates, federated issuers. No secret values are shown."""
    rows = _manage(ctx, "GET", name, "credentials")
    empty = f"{name} has no credentials and cannot sign in."
    print_table(rows, ("id", "kind", "about", "created", "expires"), empty=empty)


@app.command()
def certificate(ctx: typer.Context, name: Application) -> None:
    """Add a certificate from standard input (PEM); the application signs in with its private key."""
    pem = read_standard_input(_LARGEST_PEM, "Paste the certificate (PEM), then press Ctrl-D:")
    if "-----BEGIN CERTIFICATE-----" not in pem or "PRIVATE KEY" in pem:
        raise usage_error("Standard input must be one certificate in PEM, without a private key.")
    created = _manage(ctx, "POST", name, "certificates", body={"certificate": pem})
    text = f"{name} can sign in with the certificate {created['subject']} until {created['expires']}."
    print_result(text, **created)


@app.command()
def trust(
    ctx: typer.Context,
    name: Application,
    issuer: Annotated[str, option("--issuer", text="the tokens' iss, an https address")],
    subject: Annotated[str, option("--subject", text="the tokens' sub, exactly")],
    audience: Annotated[str, typer.Option(help="the tokens' aud")] = "api://AzureADTokenExchange",
) -> None:
    """Let an application sign in with tokens of another issuer, such as a pipeline or a cluster."""
    body = {"issuer": issuer, "subject": subject, "audience": audience}
    created = _manage(ctx, "POST", name, "federated", body=body)
    print_result(f"{name} can sign in with tokens of {issuer} for {subject}.", **created)


@app.command("remove-credential")
def remove_credential(
    ctx: typer.Context,
    name: Application,
    credential: Annotated[str, argument("its ID, from: portal application credentials")],
) -> None:
    """Remove a credential of any kind. Add its replacement first."""
    _manage(ctx, "DELETE", name, "credentials", credential)
    print_result(f"{name} can no longer sign in with it.", name=name, removed=credential)


@app.command()
def disable(ctx: typer.Context, name: Application) -> None:
    """Disable an application: its tokens stop working within one second; its role assignments are kept."""
    _manage(ctx, "POST", name, "switch", body={"enabled": False})
    text = f"{name} is disabled. To enable it again: portal application enable {name}"
    print_result(text, name=name, enabled=False)


@app.command()
def enable(ctx: typer.Context, name: Application) -> None:
    """Enable a disabled application."""
    _manage(ctx, "POST", name, "switch", body={"enabled": True})
    print_result(f"{name} is enabled.", name=name, enabled=True)


def _manage(ctx: typer.Context, method: str, name: str, *path: str, body: Any = None) -> Any:
    client = client_of(ctx)
    return client.manage(method, "applications", application_id(client, name), *path, body=body)


def _print_credential(created: dict[str, Any]) -> None:
    print_object(created)
    print_message("Copy the secret now. It is shown only once and is not stored.")


@app.command("manager")
def manager(
    ctx: typer.Context,
    name: Application,
    remove: Annotated[bool, typer.Option("--remove", help="the application no longer manages vaults")] = False,
) -> None:
    """Let an application manage all vaults through the resource management API (Azure CLI, Terraform, Ansible)."""
    _manage(ctx, "DELETE" if remove else "PUT", name, "vault-manager")
    text = (
        f"{name} no longer manages vaults." if remove else f"{name} manages all vaults. No access to what is in them."
    )
    print_result(text, name=name, vault_manager=not remove)
