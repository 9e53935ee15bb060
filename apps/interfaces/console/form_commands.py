"""Forms as the commands that do the same (docs/command-line.md), so that a click becomes a line of a script."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.forms import BooleanField, ChoiceField, Form
from django.utils import timezone

Word = dict[str, Any]


def text(words: str) -> Word:
    """Words that are always there."""
    return {"text": words}


def field(
    name: str,
    *,
    option: str = "",
    choices: dict[str, str] | None = None,
    only_with: str = "",
    off: str = "",
    joined: bool = False,
    alone: bool = False,
) -> Word:
    """A field's value, behind its option; a tick is the option alone; `choices`: the words for each value.

    `only_with`: the other field without which it says nothing; `off`: what is said when there is no value; `joined`:
    nothing stands between option and value; `alone`: the value is not said, for no command carries it.
    """
    return {
        "field": name,
        "option": option,
        "choices": choices or {},
        "with": only_with,
        "off": off,
        "joined": joined,
        "alone": alone,
    }


def moment(name: str, *, option: str) -> Word:
    """A time that the form has in the person's zone; the command line speaks UTC."""
    return {**field(name, option=option), "utc": True}


def line(words: Sequence[Word], form: Form) -> str:
    """The command as the form stands; static/portal.js does the same while somebody types."""
    said = [word["text"] if "text" in word else _said(word, form) for word in words]
    return " ".join(word for word in said if word)


def _said(word: Word, form: Form) -> str:
    bound = form[word["field"]]
    value = bound.value()
    if value is None and isinstance(bound.field, ChoiceField):
        value = _first(bound.field.choices)  # what a browser shows as chosen
    if value is False or value in {None, ""} or (word["with"] and not form[word["with"]].value()):
        return word["off"] or (bound.name.upper() if bound.field.required and not word["option"] else "")
    if word["choices"]:
        return str(word["choices"].get(str(value), ""))
    if isinstance(value, datetime):
        zoned = value if timezone.is_aware(value) else timezone.make_aware(value)  # a form's is the person's
        return f"{word['option']} {zoned.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    if word["alone"] or isinstance(bound.field, BooleanField):
        return str(word["option"])
    between = "" if word["joined"] else " "
    return f"{word['option']}{between}{shlex.quote(str(value))}".strip()


def _first(choices: Any) -> Any:
    """Of choices that may stand in groups."""
    value, label = next(iter(choices), ("", ""))
    return _first(label) if isinstance(label, (list, tuple)) else value


def key_new(vault: str, *, test: bool = False) -> tuple[Word, ...]:
    """Making a key; in a test vault the protection is not to be chosen."""
    kinds = {
        "RSA-2048": "--type RSA --size 2048",
        "RSA-3072": "--type RSA --size 3072",
        "RSA-4096": "--type RSA --size 4096",
        "EC-P-256": "--type EC --curve P-256",
        "EC-P-384": "--type EC --curve P-384",
        "EC-P-521": "--type EC --curve P-521",
        "oct-256": "--type oct --size 256",
    }
    return (
        text("portal key create"),
        field("name"),
        text(f"--vault {shlex.quote(vault)}"),
        field("kind", choices=kinds),
        text("--software") if test else field("protection", choices={"hsm": "", "software": "--software"}),
    )


VAULT_NEW = (
    text("portal vault create"),
    field("name"),
    field("world_name", option="--world"),
    field("recoverable_days", option="--days"),
    field("production", option="--production"),
    field("purge_protection", option="--purge-protection"),
)
APPLICATION_NEW = (
    text("portal application create"),
    field("name"),
    field("vault", option="--vault"),
    field("role", option="--role", only_with="vault"),
)


TEST_VAULT_NEW = (text("portal vault create"), field("name"), text("--test"), field("world_name", option="--world"))


PACK = (
    text("portal audit pack"),
    field("vault", option="--vault"),
    moment("from", option="--from"),
    moment("to", option="--to"),
)
VERIFY = "portal audit vkey > log.vkey\nportal audit verify DIR --vkey log.vkey"


def of_object(singular: str, vault: str, name: str, *, deleted: bool = False) -> str:
    """What is done to an object from day to day."""
    if deleted:
        purge = act_on(singular, "purge", vault, name, f"--yes-purge={shlex.quote(name)}")
        return f"{act_on(singular, 'recover', vault, name)}\n{purge}"
    acts = ["show", *(["rotate"] if singular == "key" else []), "disable", "delete", "recover"]
    return "\n".join(act_on(singular, act, vault, name) for act in acts)


def act_on(singular: str, act: str, vault: str, name: str, rest: str = "") -> str:
    """One act."""
    return plain(f"portal {singular} {act}", [name], f"--vault {shlex.quote(vault)}{rest and ' '}{rest}")


def plain(words: str, names: Sequence[str], options: str = "") -> str:
    """With names that others chose: one that begins like an option stands behind all of these."""
    said = " ".join(map(shlex.quote, names))
    dashed = any(name.startswith("-") and name != "-" for name in names)  # a dash alone is standard input
    return " ".join(part for part in (words, *((options, "--", said) if dashed else (said, options))) if part)


def of_developers_object(singular: str, vault: str, row: Any, may: dict[str, bool]) -> str:
    """What a developer's roles let them do to an object as it is now."""
    acts = ["recover"] if row.deleted else ["show"]
    if not row.deleted and not row.managed:
        acts += [act for act in ("rotate", "delete") if may.get(act)]
        switch = "disable" if row.current.enabled else "enable"
        acts[1:1] = [switch] if may.get("update") else []
    if row.deleted and not may.get("recover"):
        return ""
    return "\n".join(act_on(singular, act, vault, row.name) for act in acts)


def bench(vault: str, rows: Sequence[Any]) -> str:
    """What the test bench does, to its first key; and how its effect is read."""
    acts = ("disable", "enable", "rotate", "delete", "recover")
    lines = [act_on("key", act, vault, row.name) for row in rows[:1] for act in acts]
    return "\n".join([*lines, "portal refusals"])


def secret_new(vault: str) -> tuple[Word, ...]:
    """Setting a secret that is not there; the value is asked for, or read from standard input."""
    place = text(f"--vault {shlex.quote(vault)}")
    return text("portal secret create"), field("name"), place, field("content_type", option="--content-type")


def secret_edit(vault: str, name: str, base: str) -> str:
    """A new value for the version that the edit starts from."""
    return act_on("secret", "set", vault, name, f"--base {shlex.quote(base)}")


def secret_reveal(vault: str, name: str) -> tuple[Word, ...]:
    """Looking at a value."""
    return text(act_on("secret", "show", vault, name, "--value")), field("reason", option="--reason")


def role_given(vault: str) -> tuple[Word, ...]:
    """Giving a role in a whole vault."""
    return text("portal access grant"), field("application"), field("role"), text(f"--vault {shlex.quote(vault)}")


def roles_taken(vault: str, rows: Sequence[dict[str, Any]]) -> str:
    """Taking each of the roles away that somebody has."""
    return "\n".join(revoke(vault, row) for row in rows)


def revoke(vault: str, row: dict[str, Any]) -> str:
    """Taking one role away, from an application or from a group."""
    at = "".join(f" --{kind} {shlex.quote(row[kind])}" for kind in ("key", "secret", "certificate") if row.get(kind))
    who, group = (row["application"], "") if row["application"] else (row["group"], " --group")
    return plain("portal access revoke", [who, row["role"]], f"--vault {shlex.quote(vault)}{at}{group}")


def application(name: str, credential_ids: Sequence[Any], *, active: bool) -> str:
    """A second credential, then the old one goes; and stopping it."""
    lines = [plain(f"portal application {act}", [name]) for act in ("secret", "credentials")]
    lines += [plain("portal application remove-credential", [name, str(found)]) for found in credential_ids]
    return "\n".join([*lines, *([plain("portal application disable", [name])] if active else [])])


def switched(name: str, credential_ids: Sequence[Any], *, active: bool) -> str:
    """The same for security operations, who let a stopped one go on."""
    lines = application(name, credential_ids, active=active)
    return lines if active else f"{lines}\n{plain('portal application enable', [name])}"


def certificate_new(name: str) -> str:
    """The certificate is read from standard input."""
    return plain("portal application certificate", [name])


def trust_new(name: str) -> tuple[Word, ...]:
    """Another issuer's tokens."""
    options = (field(option, option=f"--{option}") for option in ("issuer", "subject", "audience"))
    return text(f"portal application trust {shlex.quote(name)}"), *options


def explain(told: Any) -> str:
    """A refusal explained; without one, those that there are."""
    return f"portal explain {told.row.request_id}" if told else "portal refusals"


def records(query: dict[str, str], *, live: bool) -> str:
    """What the explorer shows, to read and as a file; `query`: the words of its address. Times are UTC."""
    names = {"request_id": "request-id"}
    said = [
        f"--{names.get(name, name)} {shlex.quote(value.removesuffix('Z') if name in _TIMES else value)}"
        for name, value in query.items()
        if value
    ]
    if live:
        followed = [word for word, name in zip(said, (n for n in query if query[n]), strict=True) if name in _TAILED]
        return " ".join(["portal audit tail --follow", *followed])
    whole = " ".join(said)
    return f"portal audit search {whole}".strip() + "\n" + f"portal audit export {whole} -o records.ndjson"


_TIMES = frozenset({"from", "to"})
_TAILED = frozenset({"vault", "operation", "caller", "object", "status", "address"})
