"""`portal audit ...`: the audit log, for auditors, on their own host."""

import json
import re
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from . import audit_follow, rollover_certificates, verifiers
from .client import Client, client_of
from .command_group import CommandGroup
from .errors import not_signed_in, usage_error
from .evidence_packs import format_time, pack
from .files import open_output
from .options import VaultFilter, argument, option
from .output import Format, format_cell, print_json, print_line, print_result, print_table, to_json_line

app = CommandGroup("The audit log: search, follow, export, pack, verify.")

# The columns of a record, with their least widths in `tail`.
_COLUMNS = {"time": 19, "vault": 16, "operation": 22, "status": 6, "caller": 36, "object": 32, "address": 15}
_COLUMNS |= {"request": 36}
_LARGEST_PAGE = 500  # of the query API
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

RequestId = Annotated[str, option("--request-id", text="of one request")]
PublicKeys = Annotated[list[str], option("--vkey", text="the log's public key, or its file")]


@dataclass(frozen=True)
class Filters:
    """The options that select records."""

    vault: VaultFilter = ""
    operation: Annotated[str, option("--operation", text="for example KeySign")] = ""
    caller: Annotated[str, option("--caller", text="client ID or name")] = ""
    object_: Annotated[str, option("--object", text="for example keys/payroll")] = ""
    status: Annotated[str, option("--status", text="HTTP status, for example 403")] = ""
    address: Annotated[str, option("--address", text="the caller's address")] = ""

    def query(self) -> dict[str, str]:
        """The query of the API."""
        return {name.rstrip("_"): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Period:
    """The options that select a time. Times are UTC."""

    from_: Annotated[datetime | None, option("--from", text="start (UTC)")] = None
    to: Annotated[datetime | None, option("--to", text="end, exclusive (UTC)")] = None
    last: Annotated[str, option("--last", text="duration until now: 15m, 24h, 90d")] = ""

    @property
    def start(self) -> datetime | None:
        """Raises `CliError`."""
        if not self.last:
            return self.from_
        match = _DURATION.match(self.last)
        if match is None or self.from_ is not None:
            raise usage_error("--last is a duration such as 15m, 24h or 90d, and replaces --from.")
        return (self.to or datetime.now(UTC)) - timedelta(**{_UNITS[match[2]]: int(match[1])})

    def query(self) -> dict[str, str]:
        """The query of the API."""
        return {name: format_time(value) for name, value in (("from", self.start), ("to", self.to)) if value}


@app.command()
def search(
    ctx: typer.Context,
    filters: Filters,
    period: Period,
    request_id: RequestId = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="maximum number of records, the newest first")] = 100,
) -> None:
    """List matching records, the newest first. The search is recorded."""
    query = {**filters.query(), **period.query(), "request_id": request_id, "limit": str(min(limit, _LARGEST_PAGE))}
    client, records = _auditor(ctx), []
    for page in client.pages(client.audit_url("records", query), "next"):
        records += page["records"]
        if len(records) >= limit:
            break
    rows = records[:limit] if Format.json else map(_summary, records[:limit])
    print_table(rows, _COLUMNS, empty="No matching records.")


@app.command()
def tail(
    ctx: typer.Context,
    filters: Filters,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=100, help="number of existing records")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="wait for new records until Ctrl-C")] = False,
) -> None:
    """Print the newest records, one per line, the newest last; with --follow also new ones, within two seconds."""
    query, client = filters.query(), _auditor(ctx)
    newest = client.request("GET", client.audit_url("records", {**query, "limit": "100"})).json()["records"]
    if not Format.json:
        _print_columns({column: column.upper() for column in _COLUMNS})
    for record in reversed(newest[:lines]):
        _print_record(record)
    if follow:
        for record in audit_follow.follow(client, query, newest):
            _print_record(record)


@app.command()
def export(
    ctx: typer.Context,
    filters: Filters,
    period: Period,
    request_id: RequestId = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="default: standard output")] = None,
) -> None:
    """Export all matching records, one per line (NDJSON). With -o, --json describes the file."""
    client = _auditor(ctx)
    query = {**filters.query(), **period.query(), "request_id": request_id}
    chunks = client.stream(client.audit_url("export", query))
    if output is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return
    with open_output(output) as file:
        size = sum(map(file.write, chunks))
    print_result(f"{size} bytes in {output}.", file=str(output), bytes=size)


@app.command("pack")
def create_pack(
    ctx: typer.Context,
    vault: Annotated[str, option("--vault", "-v", text="the vault; - for the organisation's log")],
    period: Period,
    output: Annotated[Path | None, option("--output", "-o", text="default: evidence-... in this directory")] = None,
) -> None:
    """Create an evidence pack of a period: one signed file, which `verify-pack` checks offline."""
    if period.start is None:
        raise usage_error("Specify the period: --from 2026-11-01, or --last 30d.")
    until = period.to or datetime.now(UTC)
    created = pack(_auditor(ctx), vault=vault, since=period.start, until=until, output=output)
    text = f"{created['file']} has {created['records']} records, SHA-256 {created['sha256']}."
    print_result(text, **created)


@app.command()
def vkey(ctx: typer.Context) -> None:
    """Print the public key of the log's checkpoints. Store it elsewhere: `verify` trusts it."""
    client = _auditor(ctx)
    keys = client.request("GET", client.audit_url("vkey")).data.decode("utf-8", "replace").split()
    if Format.json:
        print_json(keys)
    else:
        print_line("\n".join(keys))


@app.command(takes_json=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def verify(
    ctx: typer.Context,
    directory: Annotated[Path, argument("with the log's files and checkpoints")],
    key: PublicKeys,
    verifier: Annotated[Path | None, option("--verifier", text="another auditverify.py")] = None,
) -> None:
    """Verify files of the log offline. Needs no sign-in and no network.

    Further options are the verifier's: --previous NOTE, --previous-dir DIR, --partial, --private-key PEM, --json.
    """
    module = verifiers.load(verifier or verifiers.find("auditverify.py"))
    raise typer.Exit(int(module.main([str(directory), *verifiers.key_options(key), *ctx.args])))


@app.command("rollover-certificate")
def rollover_certificate(
    ctx: typer.Context,
    rollover: Annotated[str, argument("the rollover's ID")],
    key: Annotated[str, option("--for", text="the key's name")],
    output: Annotated[Path, option("--output", "-o", text="the file for the certificate")],
) -> None:
    """Get the signed statement that every consumer of a key's old version moved before its retirement."""
    document = rollover_certificates.create(_auditor(ctx), rollover=rollover, key=key)
    with open_output(output) as file:
        file.write(json.dumps(document).encode())
    print_result(f"The certificate is in {output}. Verify it: portal audit verify-rollover", file=str(output))


@app.command("verify-rollover")
def verify_rollover(certificate: Annotated[Path, argument("the file with the certificate")], key: PublicKeys) -> None:
    """Verify a rollover certificate offline. Needs no sign-in and no network."""
    module = verifiers.load(verifiers.find("auditverify.py"))
    options = [*verifiers.key_options(key), *(["--json"] * Format.json)]
    raise typer.Exit(int(module.main(["rollover", str(certificate), *options])))


@app.command("verify-pack")
def verify_pack(
    directory: Annotated[Path, argument("the folder of an unpacked evidence pack")], key: PublicKeys
) -> None:
    """Verify an evidence pack offline, with this installation's verifier instead of the pack's."""
    verifiers.load(verifiers.find("auditverify.py"))  # which the pack's verifier imports
    module = verifiers.load(verifiers.find("packverify.py"))
    options = [*verifiers.key_options(key), *(["--json"] * Format.json)]
    raise typer.Exit(int(module.main([str(directory), *options])))


def _auditor(ctx: typer.Context) -> Client:
    client = client_of(ctx)
    if client.session.kind != "person":
        raise not_signed_in("The audit log is for auditors. Sign in as a person with that role: portal login")
    return client


def _summary(record: dict[str, Any]) -> dict[str, Any]:
    """The columns of a record in the format of Azure's AuditEvent."""
    properties, claim = record.get("properties", {}), record.get("identity", {}).get("claim", {})
    callers = [text for kind, text in claim.items() if not kind.endswith("objectidentifier")]
    return {
        "time": str(record.get("time", ""))[:19],
        "vault": properties.get("vault"),
        "operation": record.get("operationName"),
        "status": properties.get("httpStatusCode"),
        "caller": callers[0] if callers else "",
        "object": properties.get("id"),
        "address": record.get("callerIpAddress"),
        "request": properties.get("requestId"),
    }


def _print_record(record: dict[str, Any]) -> None:
    """Flushed, because a user or a pipe waits for it."""
    if Format.json:
        print_line(to_json_line(record))
    else:
        _print_columns(_summary(record))
    sys.stdout.flush()


def _print_columns(summary: dict[str, Any]) -> None:
    cells = (format_cell(summary[column]).ljust(width) for column, width in _COLUMNS.items())
    print_line("  ".join(cells).rstrip())
