"""The table of clients in docs/compatibility.md: each row is of a test that ran, with the version that it ran with.

A test calls `proves` when all of it held. With COMPATIBILITY_TABLE=write the row of the page is replaced; otherwise a
row that differs fails the test. tests/interop/test_compatibility_table.py finds rows that no test proves.
"""

import fcntl
import json
import os
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
_TABLE = re.compile(r"(?<=<!-- from runs -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
_HEAD = ["| client | version | what ran |", "|---|---|---|"]


def rows():
    """By client: its line of the table."""
    lines = _TABLE.search(PAGE.read_text())[1].strip().splitlines()
    assert lines[:2] == _HEAD
    return {line.split("|")[1].strip(): line for line in lines[2:]}


def proves(client, version, what):
    """A test proved that this version of the client works, and what of it."""
    row = f"| {client} | {version} | {what} |"
    if os.environ.get("COMPATIBILITY_TABLE") == "write":
        _replace(client, row)
    elif rows().get(client) != row:
        pytest.fail(f"docs/compatibility.md does not have this row:\n{row}\nCOMPATIBILITY_TABLE=write replaces it.")


def _replace(client, row):
    with PAGE.open("r+") as page:
        fcntl.flock(page, fcntl.LOCK_EX)  # another lane of tests may write its rows
        lines = [*_HEAD, *sorted((rows() | {client: row}).values(), key=str.lower), ""]
        text = _TABLE.sub(lambda _: "\n".join(lines), page.read())
        page.seek(0)
        page.write(text)
        page.truncate()


def locked_in_node(name):
    """The version of a package in the lock of `tests/interop/node`."""
    lock = json.loads((Path(__file__).parents[1] / "interop" / "node" / "package-lock.json").read_text())
    return lock["packages"][f"node_modules/{name}"]["version"]


def locked(lock, name):
    """The version of a package in a lock of `tests/interop/requirements`."""
    text = (Path(__file__).parents[1] / "interop" / "requirements" / f"{lock}.txt").read_text()
    return re.search(rf"^{re.escape(name)}==(\S+)", text, re.MULTILINE)[1]
