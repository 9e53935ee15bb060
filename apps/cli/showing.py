"""Output: aligned text for people, JSON for programs (`--json`)."""

import io
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any


def table(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], *, as_json: bool, empty: str = "") -> None:
    """Rows, under their names; as JSON an array of whole rows. `empty` goes to standard error."""
    rows = list(rows)
    if as_json:
        document(rows, as_json=True)
        return
    if not rows:
        note(empty or "Nothing.")
        return
    lines = [[column.upper().replace("_", " ") for column in columns]]
    lines += [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def document(found: Any, *, as_json: bool) -> None:
    """One thing: a line for each of its members; lists of things as tables below."""
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=_is_narrow()))
        return
    plain = {name: value for name, value in found.items() if not _is_table(value)}
    width = max((len(name) for name in plain), default=0) + 2
    for name, value in plain.items():
        say(f"{name.replace('_', ' ').ljust(width)}{cell(value)}")
    for name, value in found.items():
        if _is_table(value):
            say(f"\n{name.replace('_', ' ')}:")
            table(value, tuple(value[0]), as_json=False)


def line(found: Any) -> str:
    """One thing as one line of JSON."""
    return json.dumps(found, ensure_ascii=_is_narrow())


def settle() -> None:
    """What the terminal cannot show is shown as its number, rather than ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A word to the person, beside the result. What the service says in it steers no terminal."""
    sys.stderr.write("\n".join(map(clean, text.split("\n"))) + "\n")


def done(text: str, *, as_json: bool, **facts: Any) -> None:
    """An act's end: a sentence for people, its facts for programs."""
    if as_json:
        document(facts, as_json=True)
    else:
        note(text)


def clean(text: str) -> str:
    """Without what would steer the terminal: names and notes are other people's."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_narrow() -> bool:
    """Whether standard output cannot carry every character; JSON has a way to write them in ASCII."""
    return sys.stdout.encoding.lower().replace("-", "") != "utf8"


def cell(value: Any) -> str:
    """One value as people read it; another's text steers no terminal."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(item) for item in value)
    if isinstance(value, dict):
        return clean(json.dumps(value, ensure_ascii=False))
    return clean(str(value))


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)
