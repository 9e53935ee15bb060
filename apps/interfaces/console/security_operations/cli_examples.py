"""The forms of security operations as CLI commands (see `apps.interfaces.console.form_commands`)."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from apps.interfaces.console.form_commands import Word, act_on, field, plain, revoke, text
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import FIELDS

_MOST = 10  # lines for the rows of a table; the others are said in the same way

SIMULATE = (
    text("portal access simulate"),
    field("principal"),
    field("permission"),
    field("vault", option="--vault"),
    field("item", option="--object"),
)
GROUP_NEW = (text("portal group create"), field("name"))
INVITE = (text("portal person invite"), field("duty", option="--duty"), field("username", option="--name"))


def vault_settings(name: str) -> tuple[Word, ...]:
    """A vault's settings."""
    return (
        text(plain("portal vault set", [name])),
        field("recoverable_days", option="--days"),
        field("production", option="--production", off="--no-production"),
        field("purge_protection", option="--purge-protection"),
    )


def freeze(name: str, *, frozen: bool) -> str:
    """Stopping a vault, or letting it serve again."""
    return plain(f"portal vault {'unfreeze' if frozen else 'freeze'}", [name])


def policy(vault: str, name: str) -> tuple[Word, ...]:
    """When a key rolls by itself."""
    return (
        text(act_on("key", "policy", vault, name)),
        field("rotate_after", option="--rotate-after", off="--rotate-after 0"),
        field("expires_after", option="--expires-after", off="--expires-after 0"),
    )


def key_import(vault: str) -> tuple[Word, ...]:
    """The key is read from standard input."""
    return (
        text("portal key import"),
        field("name"),
        text(f"--vault {shlex.quote(vault)}"),
        field("protection", choices={"hsm": "", "software": "--software"}),
    )


def recover(rows: Iterable[tuple[str, Any]], singular: dict[str, str]) -> str:
    """What can be had back."""
    return "\n".join(act_on(singular[kind], "recover", row.vault.name, row.name) for kind, row in [*rows][:_MOST])


def rollover_new(vault: str) -> tuple[Word, ...]:
    """Rolling many keys."""
    return (
        text(f"portal rollover begin --vault {shlex.quote(vault)}"),
        field("older_than_days", option="--older-than"),
        field("reason", option="--reason"),
    )


def rollover(identity: Any, *, running: bool) -> str:
    """How far it is, and stopping it."""
    return "\n".join(
        f"portal rollover {act} {identity}" for act in ("show", "pause" if running else "resume", "cancel")
    )


def decide(identity: Any) -> str:
    """A second person's decision."""
    return "\n".join(f"portal approval {act} {identity}" for act in ("show", "approve", "reject"))


def grant(form: Any) -> tuple[Word, ...]:
    """Giving a role to whoever is chosen."""
    chosen = [value for _, below in form.fields["who"].choices for value, _ in below]
    who = {value: _who(value) for value in chosen}
    kinds = {kind: f"--{kind}" for kind in ("key", "secret", "certificate")}
    return (
        text("portal access grant"),
        field("who", choices=who),
        field("role"),
        field("vault", option="--vault"),
        field("kind", choices=kinds, only_with="item"),
        field("item", only_with="kind"),
    )


def taken(rows: Sequence[dict[str, Any]]) -> str:
    """Taking roles away."""
    return "\n".join(revoke(row["vault"].name, row) for row in rows[:_MOST])


def group(name: str, members: Iterable[Any]) -> str:
    """What else is done to a group than putting somebody into it."""
    out = [plain("portal group remove", [name, member.name]) for member in members]
    return "\n".join([plain("portal group show", [name]), *out[:_MOST], plain("portal group delete", [name])])


def member_new(name: str) -> tuple[Word, ...]:
    """Putting an application into a group."""
    return text(plain("portal group add", [name])), field("application")


def people(rows: Iterable[Any], me: Any) -> str:
    """Stopping people, and letting them come back."""
    others = [row for row in rows if row.pk != me]
    acts = [plain(f"portal person {'disable' if row.is_active else 'enable'}", [row.username]) for row in others]
    return "\n".join(["portal person list", *acts[:_MOST]])


def destination(vault: str, kind: str, before: LogDestination | None) -> tuple[Word, ...]:
    """Where a log goes. A credential is asked for, as no argument carries one; what is set and emptied is ended."""
    same = before if before is not None and before.kind == kind else None
    was = same.config if same else {}
    settings = [f.name for f in FIELDS[kind] if not f.credential]
    ended = "--no-public-key" if before is not None and before.public_key else ""
    return (
        text(f"{plain('portal log set', [vault])} --kind {kind}"),
        *(
            field(name, option=f"--setting {name}=", off=f"--setting {name}=" if name in was else "", joined=True)
            for name in settings
        ),
        *_credentials(kind, kept=same is not None and bool(same.credential_names)),
        text(ended) if kind == "syslog" else field("public_key", option="--public-key FILE", off=ended, alone=True),
        field("on_full", option="--on-full"),
    )


def _credentials(kind: str, *, kept: bool) -> Iterable[Word]:
    if kind == "azure-blob" and not kept:
        return [field("sas_token", option="--credential sas_token", off="--credential account_key", alone=True)]
    fields = [(f, f"--credential {f.name}") for f in FIELDS[kind] if f.credential]
    return [field(f.name, option=o, off=o if f.required and not kept else "", alone=True) for f, o in fields]


def log(vault: str) -> str:
    """What is done to a destination that is there."""
    acts = [plain(f"portal log {act}", [vault]) for act in ("show", "test", "remove")]
    return "\n".join(acts)


def replay(vault: str) -> tuple[Word, ...]:
    """Delivering records again."""
    return text(plain("portal log replay", [vault])), field("first", option="--first"), field("last", option="--last")


def keep(vault: str) -> tuple[Word, ...]:
    """How long records stay here; no days: for ever."""
    return text(plain("portal log keep", [vault])), field("days", option="--days", off="--days 0")


def _who(value: str) -> str:
    kind, _slash, name = value.partition("/")
    return f"--group {shlex.quote(name)}" if kind == "group" else shlex.quote(name)
