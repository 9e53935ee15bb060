"""Output: aligned text for people, JSON for programs (`--json`). Messages go to standard error."""

import io
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

# Headings that differ from the members' names in the API.
_LABELS = {
    "act": "action",
    "begun_by": "started by",
    "done": "succeeded",
    "duty": "role",
    "latest": "last call",
    "refused": "denied",
}


class Format:
    """The format of results, which the command's `--json` sets before the command runs."""

    json = False


def print_table(rows: Iterable[Mapping[str, Any]], columns: Iterable[str], *, empty: str = "") -> None:
    """Rows below a header; as JSON an array of complete rows. `empty` is the message if there are none."""
    rows, columns = list(rows), tuple(columns)
    if Format.json:
        print_json(rows)
        return
    if not rows:
        print_message(empty or "None.")
        return
    lines = [[_label(column).upper() for column in columns]]
    lines += [[format_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    for line in lines:
        print_line("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_object(members: Mapping[str, Any]) -> None:
    """One object: a line for each member, and lists of objects as tables below."""
    if Format.json:
        print_json(members)
        return
    tables = {name: value for name, value in members.items() if _is_table(value)}
    lines = [(_label(name), format_cell(value)) for name, value in members.items() if name not in tables]
    width = max((len(label) for label, _ in lines), default=0) + 2
    for label, text in lines:
        print_line(label.ljust(width) + text)
    for name, rows in tables.items():
        print_line(f"\n{_label(name)}:")
        print_table(rows, rows[0])


def print_result(text: str, **members: Any) -> None:
    """The end of an action: a sentence for people on standard error, its members for programs."""
    if Format.json:
        print_json(members)
    else:
        print_message(text)


def print_value(text: str, **members: Any) -> None:
    """A value on standard output; as JSON its members."""
    if Format.json:
        print_json(members)
    else:
        print_line(text)


def print_json(value: Any) -> None:
    """A value on several lines."""
    print_line(json.dumps(value, indent=2, ensure_ascii=_is_narrow()))


def to_json_line(value: Any) -> str:
    """A value on one line."""
    return json.dumps(value, ensure_ascii=_is_narrow())


def configure_streams() -> None:
    """Escape characters that the terminal cannot display; they would end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_line(text: str) -> None:
    """A line of the result."""
    sys.stdout.write(text + "\n")


def print_message(text: str) -> None:
    """A message beside the result. Control characters in text from the service do not reach the terminal."""
    sys.stderr.write("\n".join(map(sanitize_text, text.split("\n"))) + "\n")


def sanitize_text(text: str) -> str:
    """Without control characters: names and notes are other people's."""
    return "".join(c if unicodedata.category(c)[0] != "C" else "\N{REPLACEMENT CHARACTER}" for c in text)


def format_cell(value: Any) -> str:
    """One value as text, without control characters."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(format_cell, value))
    if isinstance(value, dict):
        return sanitize_text(json.dumps(value, ensure_ascii=False))
    return sanitize_text(str(value))


def _is_narrow() -> bool:
    """Whether standard output cannot encode every character; JSON can escape them."""
    return sys.stdout.encoding.lower().replace("-", "") != "utf8"


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " "))
