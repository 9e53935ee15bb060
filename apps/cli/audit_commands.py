"""`portal audit ...`: the usage log, for auditors, on their own host."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from . import following, names
from .client import Client, check, client_of
from .options import Json, group
from .packing import pack
from .problems import Exit, Problem, not_signed_in
from .showing import cell, document, done, line, say, table

app = group("The usage log: searching, following, exporting, packing, verifying.")

_SHOWN = ("time", "vault", "operation", "status", "caller", "object", "address", "request")
_LARGEST_PAGE = 500  # of the query API
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_WIDTHS = dict(zip(_SHOWN, (19, 16, 22, 6, 36, 32, 15, 36), strict=True))  # of a line of `tail`, at least

InVault = Annotated[
    str, typer.Option("--vault", "-v", help="of this vault", show_default=False, autocompletion=names.vaults)
]
From = Annotated[datetime | None, typer.Option("--from", help="not before (UTC)", show_default=False)]
Last = Annotated[str, typer.Option(help="of the time before now: 15m, 24h, 90d", show_default=False)]
Until = Annotated[datetime | None, typer.Option("--to", help="before (UTC)", show_default=False)]
Operation = Annotated[str, typer.Option(help="for example KeySign", show_default=False)]
Caller = Annotated[str, typer.Option(help="client id or name", show_default=False)]
Object = Annotated[str, typer.Option("--object", help="for example keys/payroll", show_default=False)]
Status = Annotated[str, typer.Option(help="HTTP status, for example 403", show_default=False)]
Address = Annotated[str, typer.Option(help="from where", show_default=False)]
RequestId = Annotated[str, typer.Option("--request-id", help="of one request", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="how many at most, the newest first")]


@app.command()
def search(
    ctx: typer.Context,
    vault: InVault = "",
    from_: From = None,
    to: Until = None,
    last: Last = "",
    operation: Operation = "",
    caller: Caller = "",
    object_: Object = "",
    status: Status = "",
    address: Address = "",
    request_id: RequestId = "",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Records that match, the newest first. The search itself is recorded."""
    query = _query(vault, _since(from_, to, last), to, operation, caller, object_, status, address, request_id)
    client, rows = _auditor(ctx), []
    for record in _records(client, query, limit):
        rows.append(record)
        if len(rows) == limit:
            break
    table(rows if as_json else map(_short, rows), _SHOWN, as_json=as_json, empty="No record matches.")


@app.command()
def tail(
    ctx: typer.Context,
    vault: InVault = "",
    operation: Operation = "",
    caller: Caller = "",
    object_: Object = "",
    status: Status = "",
    address: Address = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, max=100, help="how many to begin with")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on until Ctrl-C")] = False,
    as_json: Json = False,
) -> None:
    """The newest records, one a line, the newest last; with --follow what comes, too, within two seconds."""
    query = _query(vault, None, None, operation, caller, object_, status, address, "")
    client = _auditor(ctx)
    newest = _page(client, client.audit("records", **query, limit="100"))["records"]
    if not as_json:
        _print_short(dict(zip(_SHOWN, _SHOWN, strict=True)))
    for record in reversed(newest[:lines]):
        _print(record, as_json=as_json)
    if follow:
        for record in following.follow(client, query, newest, _pages):
            _print(record, as_json=as_json)


@app.command()
def export(
    ctx: typer.Context,
    vault: InVault = "",
    from_: From = None,
    to: Until = None,
    last: Last = "",
    operation: Operation = "",
    caller: Caller = "",
    object_: Object = "",
    status: Status = "",
    address: Address = "",
    request_id: RequestId = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="default: standard output")] = None,
    as_json: Json = False,
) -> None:
    """All records that match, one a line (NDJSON), in constant memory. --json tells of the file, beside -o."""
    query = _query(vault, _since(from_, to, last), to, operation, caller, object_, status, address, request_id)
    client = _auditor(ctx)
    answer, pieces = client.wire.stream(client.audit("export", **query), headers=client.headers)
    check(answer)
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return
    size = 0
    try:
        with output.open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
    except OSError as error:
        raise Problem(f"{output} cannot be written: {error.strerror}.", Exit.USAGE) from None
    done(f"{size} bytes in {output}.", as_json=as_json, file=str(output), bytes=size)


@app.command("pack")
def pack_(
    ctx: typer.Context,
    vault: Annotated[
        str, typer.Option("--vault", "-v", help="whose log; - for the organisation's", show_default=False)
    ],
    from_: From = None,
    to: Until = None,
    last: Last = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="default: evidence-... in this directory", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Pack the evidence of a period in one signed file, which `verify-pack` checks without the service."""
    since = _since(from_, to, last)
    if since is None:
        raise Problem("Since when? Give --from 2026-11-01, or --last 30d.", Exit.USAGE)
    made = pack(_auditor(ctx), vault=vault, since=since, until=to, output=output)
    done(f"{made['file']} has {made['records']} records, SHA-256 {made['sha256']}.", as_json=as_json, **made)


@app.command()
def vkey(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the public key of the log's checkpoints. Keep it elsewhere: `verify` believes it."""
    client = _auditor(ctx)
    answer = client.wire.ask("GET", client.audit("vkey"), headers=client.headers)
    check(answer)
    keys = answer.data.decode("utf-8", "replace").split()
    if as_json:
        document(keys, as_json=True)
        return
    say("\n".join(keys))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def verify(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="with the log's files and checkpoints", show_default=False)],
    key: Annotated[list[str], typer.Option("--vkey", help="the log's public key, or its file", show_default=False)],
    verifier: Annotated[Path | None, typer.Option(help="auditverify.py, if not ours", show_default=False)] = None,
) -> None:
    """Verify files of the log offline, with the one-file verifier. Needs no sign-in and no network.

    Further options are the verifier's: --previous NOTE, --previous-dir DIR, --partial, --private-key PEM, --json.
    """
    keys = [line for text in key for line in _lines_of(text)]
    module = _load(verifier or _bundled("audit_log/auditverify.py"))
    raise typer.Exit(int(module.main([str(directory), *(f"--vkey={text}" for text in keys), *ctx.args])))


@app.command("verify-pack")
def verify_pack(
    directory: Annotated[Path, typer.Argument(help="the folder of an unpacked evidence pack", show_default=False)],
    key: Annotated[list[str], typer.Option("--vkey", help="the log's public key, or its file", show_default=False)],
    as_json: Json = False,
) -> None:
    """Verify an evidence pack offline, with the verifier that came along and not the one in the pack."""
    keys = [f"--vkey={line}" for text in key for line in _lines_of(text)]
    _load(_bundled("audit_log/auditverify.py"))  # which the other one uses
    module = _load(_bundled("audit_reader/packverify.py"))
    raise typer.Exit(int(module.main([str(directory), *keys, *(["--json"] * as_json)])))


def _auditor(ctx: typer.Context) -> Client:
    client = client_of(ctx.obj)
    if client.session.kind != "person":
        raise not_signed_in("The usage log is for auditors. Sign in as a person with that duty: portal login")
    return client


def _since(from_: datetime | None, to: datetime | None, last: str) -> datetime | None:
    """The beginning, as a time or as a span. Raises `Problem`."""
    if not last:
        return from_
    found = _SPAN.match(last)
    if found is None or from_ is not None:
        raise Problem("--last is a span such as 15m, 24h or 90d, and stands instead of --from.", Exit.USAGE)
    return (to or datetime.now(UTC)) - timedelta(**{_UNITS[found[2]]: int(found[1])})


def _query(*values: Any) -> dict[str, str]:
    names = ("vault", "from_", "to", "operation", "caller", "object", "status", "address", "request_id")
    texts = (f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value or "" for value in values)
    return dict(zip(names, texts, strict=True))


def _records(client: Client, query: dict[str, str], limit: int) -> Iterator[dict[str, Any]]:
    """Page after page, the newest first."""
    for page in _pages(client, client.audit("records", **query, limit=str(min(limit, _LARGEST_PAGE)))):
        yield from page["records"]


def _pages(client: Client, url: str) -> Iterator[dict[str, Any]]:
    while url:
        page = _page(client, url)
        yield page
        url = _next(url, page.get("next"))


def _next(url: str, following: str | None) -> str:
    """The address of the next page, at the same host: our token goes nowhere else."""
    if not following:
        return ""
    host = "/".join(url.split("/")[:3])
    if following.startswith(host + "/"):
        return following
    if following.startswith("/") and not following.startswith("//"):
        return host + following
    raise Problem("The answer points to another host; it gets no token of ours.")


def _page(client: Client, url: str) -> dict[str, Any]:
    answer = client.wire.ask("GET", url, headers=client.headers)
    check(answer)
    found: dict[str, Any] = answer.json()
    return found


def _short(record: dict[str, Any]) -> dict[str, Any]:
    """What fits a line, of the fields of Azure's AuditEvent."""
    more, claim = record.get("properties", {}), record.get("identity", {}).get("claim", {})
    names = [text for kind, text in claim.items() if not kind.endswith("objectidentifier")]
    return {
        "time": str(record.get("time", ""))[:19],
        "vault": more.get("vault"),
        "operation": record.get("operationName"),
        "status": more.get("httpStatusCode"),
        "caller": names[0] if names else "",
        "object": more.get("id"),
        "address": record.get("callerIpAddress"),
        "request": more.get("requestId"),
    }


def _print(record: dict[str, Any], *, as_json: bool) -> None:
    """At once: somebody waits for it, or a pipe does."""
    if as_json:
        say(line(record))
    else:
        _print_short(_short(record))
    sys.stdout.flush()


def _print_short(short: dict[str, Any]) -> None:
    cells = (cell(short[name] if short[name] != name else name.upper()).ljust(_WIDTHS[name]) for name in _SHOWN)
    say("  ".join(cells).rstrip())


def _bundled(part: str) -> Path:
    """The verifier that came with us, or the one of the checkout that we run in."""
    here, name = Path(__file__).parent, Path(part).name
    for path in (here / name, here.parent / part):
        if path.is_file():
            return path
    text = f"The verifier is not here. Download {name} from the auditors' portal (Integrity)"
    named = name == "auditverify.py"
    raise Problem(f"{text} and name it: --verifier {name}" if named else f"{text} and run it.", Exit.NOT_FOUND)


def _load(path: Path) -> Any:
    """A one-file verifier, as a module."""
    name = "packverify" if path.name == "packverify.py" else "auditverify"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise Problem(f"{path} is no Python file.", Exit.USAGE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses of the file look it up
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise Problem(f"The verifier needs the package {error.name}: pip install {error.name}", Exit.USAGE) from None
    return module


def _lines_of(text: str) -> list[str]:
    """Keys given as they are, or in a file, one a line."""
    path = Path(text)
    return path.read_text("utf-8", "replace").split() if path.is_file() else [text]
