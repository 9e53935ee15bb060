"""Forms as the commands that do the same (docs/command-line.md), so that a click becomes a line of a script."""

import shlex
from collections.abc import Sequence
from typing import Any

from django.forms import ChoiceField, Form

Word = dict[str, Any]


def text(words: str) -> Word:
    """Words that are always there."""
    return {"text": words}


def field(name: str, *, option: str = "", choices: dict[str, str] | None = None, only_with: str = "") -> Word:
    """A field's value, behind its option; a tick is the option alone; `choices`: the words for each value.

    `only_with`: the other field without which it says nothing.
    """
    return {"field": name, "option": option, "choices": choices or {}, "with": only_with}


def line(words: Sequence[Word], form: Form) -> str:
    """The command as the form stands; static/portal.js does the same while somebody types."""
    said = [word["text"] if "text" in word else _said(word, form) for word in words]
    return " ".join(word for word in said if word)


def _said(word: Word, form: Form) -> str:
    bound = form[word["field"]]
    value = bound.value()
    if value is None and isinstance(bound.field, ChoiceField):
        choices: Any = bound.field.choices
        value = next(iter(choices), ("", ""))[0]  # what a browser shows as chosen
    if value in {None, "", False} or (word["with"] and not form[word["with"]].value()):
        return bound.name.upper() if bound.field.required and not word["option"] else ""
    if word["choices"]:
        return str(word["choices"].get(str(value), ""))
    if value in {True, "on"}:
        return str(word["option"])
    return f"{word['option']} {shlex.quote(str(value))}".strip()


def key_new(vault: str) -> tuple[Word, ...]:
    """Making a key."""
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
        field("protection", choices={"hsm": "", "software": "--software"}),
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


def of_object(singular: str, vault: str, name: str) -> str:
    """What is done to an object from day to day."""
    acts = ["show", *(["rotate"] if singular == "key" else []), "disable", "delete", "recover"]
    return "\n".join(f"portal {singular} {act} {shlex.quote(name)} --vault {shlex.quote(vault)}" for act in acts)
