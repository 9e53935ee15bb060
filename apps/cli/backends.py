"""The APIs behind the commands on objects: applications use the Key Vault API, people the management API.

The session decides which backend a command uses. Both have the same methods, and rows with the same members.
"""

import typer

from .client import AS_APPLICATION, Client, client_of
from .errors import CliError
from .management_backend import ManagementBackend
from .vault_backend import VaultBackend

Backend = VaultBackend | ManagementBackend


def backend_of(ctx: typer.Context) -> Backend:
    """The backend of a command. Raises `CliError`."""
    return select_backend(client_of(ctx))


def select_backend(client: Client) -> Backend:
    """The backend of this client."""
    return VaultBackend(client) if client.session.kind == "application" else ManagementBackend(client)


def vault_backend_of(ctx: typer.Context) -> VaultBackend:
    """The backend for what only applications do. Raises `CliError`."""
    client = client_of(ctx)
    if client.session.kind == "application":
        return VaultBackend(client)
    text = f"People cannot use keys or create certificates here. {AS_APPLICATION}."
    if _duty(client) == "developer":
        text += " To create your own: portal application create NAME --vault VAULT --role ROLE."
    raise CliError(text)


def secret_backend_of(ctx: typer.Context) -> Backend:
    """The backend for secrets' values: of applications, and of developers who have a role. Raises `CliError`."""
    client = client_of(ctx)
    if client.session.kind == "application":
        return VaultBackend(client)
    if _duty(client) == "developer":
        return ManagementBackend(client)
    text = "Your role cannot read or set values; applications can, and developers who have a role in the vault."
    raise CliError(f"{text} {AS_APPLICATION}")


def developer_backend_of(ctx: typer.Context) -> ManagementBackend:
    """The backend for test calls. Raises `CliError`."""
    client = client_of(ctx)
    if client.session.kind == "application" or _duty(client) != "developer":
        raise CliError("Only developers make test calls, in their own test vaults. Sign in as one: portal login")
    return ManagementBackend(client)


def _duty(client: Client) -> str:
    """The person's role: a stored session has it; with a demo's password the service is asked."""
    return client.session.duty or str(client.manage("GET", "whoami")["duty"])
