"""`portal rollover ...`: create new versions of keys, watch their consumers move, and retire the old versions."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from . import bulk_rotation_commands as bulk
from .client import client_of
from .command_group import CommandGroup
from .errors import usage_error
from .options import Name, Vault, argument, option
from .output import Format, print_message, print_object, print_result, print_table

app = CommandGroup("Rollovers: create new versions, see who uses the old ones, and retire these.")
bulk.add_commands(app)

Id = Annotated[str, argument("the rollover's ID")]
Reason = Annotated[str, option("--reason", text="recorded in the audit log")]


@app.command()
def start(
    ctx: typer.Context,
    vault: Vault,
    reason: Reason,
    key: Annotated[str, option("--key", text="only this key; default: all enabled keys of the vault")] = "",
    older_than_days: Annotated[
        int, typer.Option("--older-than", min=0, max=3650, help="only keys whose current version is this many days old")
    ] = 0,
    quiet_days: Annotated[
        int, typer.Option("--quiet-days", min=0, max=365, help="days without a call after which a consumer has moved")
    ] = 7,
    automatic: Annotated[
        bool, typer.Option("--automatic", help="retire old versions as soon as all consumers have moved")
    ] = False,
    at: Annotated[
        datetime | None,
        typer.Option(
            "--at", formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"], help="start not before this time, in UTC"
        ),
    ] = None,
) -> None:
    """Start a staged rollover. The old versions stay usable until they are retired."""
    body: dict[str, Any] = {"kind": "staged", "key": key, "older_than_days": older_than_days, "reason": reason}
    body |= {"quiet_days": quiet_days, "automatic": automatic}
    body |= {"starts": at.replace(tzinfo=UTC).isoformat()} if at else {}
    started = client_of(ctx).manage("POST", "vaults", vault, "rollovers", body=body)
    keys = "1 key" if started["total"] == 1 else f"{started['total']} keys"
    print_result(f"The rollover of {keys} was started. Progress: portal rollover show {started['id']}", **started)


@app.command()
def emergency(
    ctx: typer.Context,
    name: Name,
    vault: Vault,
    reason: Reason,
    yes_disable: Annotated[
        str, option("--yes-disable", text="repeat the key's name to confirm: its consumers will fail within a second")
    ] = "",
) -> None:
    """Disable a key's current version at once and create a new one. Without --yes-disable: show who would fail."""
    if yes_disable != name:
        if not Format.json:
            consumers(ctx, name, vault)
        raise usage_error(f"These consumers will fail until they use the new version. Add: --yes-disable {name}")
    started = client_of(ctx).manage(
        "POST", "vaults", vault, "keys", name, "emergency-rollover", body={"reason": reason}
    )
    text = f"The current version of {name} is disabled. Progress of the new one: portal rollover show {started['id']}"
    print_result(text, **started)


@app.command()
def keys(ctx: typer.Context, rollover: Id) -> None:
    """List the keys of a rollover with their stages."""
    columns = ("key", "state", "old_version", "new_version", "announced", "retired", "message")
    print_table(client_of(ctx).manage("GET", "rollovers", rollover, "keys"), columns)


@app.command()
def consumers(ctx: typer.Context, name: Name, vault: Vault) -> None:
    """Show which applications use the old and the new version of a key, and which have not moved."""
    grid = client_of(ctx).manage("GET", "vaults", vault, "keys", name, "consumers")
    if Format.json:
        print_object(grid)
        return
    lines = grid.pop("consumers")
    print_object(grid)
    if not lines:
        print_message("No application has used these versions.")
        return
    rows = [
        {
            "application": line["application"],
            "old": line["old"] and line["old"]["last"],
            "new": line["new"] and line["new"]["last"],
            "acknowledged": line["acknowledged"],
            "standing": line["standing"],
        }
        for line in lines
    ]
    print_table(rows, rows[0])


@app.command()
def rehearse(
    ctx: typer.Context,
    rollover: Id,
    hours: Annotated[int, typer.Option("--hours", min=0, max=2160, help="length of the rehearsal; 0 ends it")] = 24,
) -> None:
    """Rehearse the retirement: calls with the old versions succeed and are reported as calls that would fail."""
    changed = client_of(ctx).manage("POST", "rollovers", rollover, "rehearsal", body={"hours": hours})
    text = f"The rehearsal has begun. Its report: portal rollover rehearsal {rollover}"
    print_result(text if hours else "The rehearsal was ended.", **changed)


@app.command()
def rehearsal(ctx: typer.Context, rollover: Id) -> None:
    """Show for each key whether its rehearsal is clean, and who would have failed."""
    rows = client_of(ctx).manage("GET", "rollovers", rollover, "rehearsal")
    if not Format.json:
        rows = [{**row, "would_fail": ", ".join(one["caller"] for one in row["would_fail"])} for row in rows]
    print_table(rows, ("key", "state", "since", "until", "would_fail"), empty="There was no rehearsal.")


@app.command("brown-out")
def brown_out(
    ctx: typer.Context,
    rollover: Id,
    percent: Annotated[int, typer.Option("--percent", help="share of the calls: 1 or 10; 0 ends the brown-out")] = 1,
) -> None:
    """Refuse some calls with the old versions for a minute, after a clean rehearsal."""
    changed = client_of(ctx).manage("POST", "rollovers", rollover, "brown-out", body={"percent": percent})
    print_result(
        f"{percent} % of the calls are refused for a minute." if percent else "The brown-out was ended.", **changed
    )


@app.command()
def retire(
    ctx: typer.Context,
    rollover: Id,
    override: Annotated[
        bool, typer.Option("--override", help="also retire versions in use; needs approval by a second person")
    ] = False,
) -> None:
    """Disable the old versions whose consumers have all moved."""
    changed = client_of(ctx).manage("POST", "rollovers", rollover, "retire", body={"override": override})
    print_result("The old versions are being retired.", **changed)
