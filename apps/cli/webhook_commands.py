"""`portal webhook ...`: where the events of a vault are sent."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .client import client_of
from .command_group import CommandGroup
from .files import read_text
from .options import VaultName, argument, option
from .output import print_object, print_result, print_table

app = CommandGroup("Webhooks: https addresses to which a vault sends its events. For security operations.")

Name = Annotated[str, argument("the webhook's name")]


@app.command("list")
def list_(ctx: typer.Context, vault: VaultName) -> None:
    """List a vault's webhooks."""
    columns = ("name", "url", "valid", "pending", "dead", "last_delivered", "error")
    print_table(_manage(ctx, "GET", vault), columns, empty=f"{vault} has no webhooks.")


@app.command()
def show(ctx: typer.Context, vault: VaultName, name: Name) -> None:
    """Show a webhook and its state."""
    print_object(_manage(ctx, "GET", vault, name))


@app.command()
def add(
    ctx: typer.Context,
    vault: VaultName,
    name: Name,
    url: Annotated[
        str, option("--url", text="https address of the receiver, public unless the operator allows others")
    ],
    schema: Annotated[str, typer.Option(help="cloudevents or eventgrid")] = "cloudevents",
    event_type: Annotated[
        list[str] | None, option("--type", text="send only this type of event; may be repeated; default: all")
    ] = None,
    receiver_ca: Annotated[
        Path | None,
        option("--receiver-ca", text="file with the CA certificate of the receiver (PEM); default: the public CAs"),
    ] = None,
) -> None:
    """Add a webhook and print its signing secret, which is shown only once."""
    authority = read_text(receiver_ca) if receiver_ca else ""
    body = {"name": name, "url": url, "schema": schema, "types": event_type or [], "ca_pem": authority}
    made = client_of(ctx).manage("POST", "vaults", vault, "webhooks", body=body)
    print_object(made)


@app.command()
def remove(ctx: typer.Context, vault: VaultName, name: Name) -> None:
    """Remove a webhook with all deliveries to it."""
    _manage(ctx, "DELETE", vault, name)
    print_result(f"{vault} no longer sends events to {name}.", vault=vault, name=name)


@app.command("rotate-secret")
def rotate_secret(
    ctx: typer.Context,
    vault: VaultName,
    name: Name,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=168, help="hours for which messages are signed with the earlier secret too")
    ] = 24,
) -> None:
    """Replace the signing secret and print the new one, which is shown only once."""
    print_object(_manage(ctx, "POST", vault, name, "secret", body={"overlap_hours": overlap_hours}))


@app.command()
def validate(ctx: typer.Context, vault: VaultName, name: Name) -> None:
    """Repeat the handshake with the receiver."""
    _manage(ctx, "POST", vault, name, "validate")
    print_result(f"The handshake was requested. Result: portal webhook show {vault} {name}", vault=vault, name=name)


@app.command()
def test(ctx: typer.Context, vault: VaultName, name: Name) -> None:
    """Send a test event."""
    made = _manage(ctx, "POST", vault, name, "test")
    print_result(f"A test event will be sent. State: portal webhook deliveries {vault} {name}", **made)


@app.command()
def deliveries(
    ctx: typer.Context,
    vault: VaultName,
    name: Name,
    state: Annotated[str, typer.Option(help="pending, delivered or dead; default: all")] = "",
) -> None:
    """List the newest deliveries, at most 200."""
    client = client_of(ctx)
    query = {"state": state} if state else {}
    rows = client.manage("GET", "vaults", vault, "webhooks", name, "deliveries", query=query)
    columns = ("id", "event_type", "object_name", "state", "attempts", "status", "created", "error")
    print_table(rows, columns, empty="There are no deliveries.")


@app.command()
def redeliver(
    ctx: typer.Context,
    vault: VaultName,
    name: Name,
    delivery: Annotated[str, option("--delivery", text="ID of one delivery; default: all that were given up")] = "",
) -> None:
    """Send again one delivery, or all that were given up."""
    result = _manage(ctx, "POST", vault, name, "redeliver", body={"id": delivery} if delivery else {})
    print_result(f"{result['count']} events will be sent again.", **result)


def _manage(ctx: typer.Context, method: str, vault: str, *path: str, body: Any = None) -> Any:
    return client_of(ctx).manage(method, "vaults", vault, "webhooks", *path, body=body)
