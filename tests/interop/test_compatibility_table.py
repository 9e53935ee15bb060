"""The table of clients has no row that no test proves."""

import ast
from pathlib import Path

from tests.support import compatibility


def named(path):
    """The texts in a file of tests that calls `proves`."""
    text = path.read_text()
    if "    proves(" not in text:
        return set()
    return {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}


def test_each_row_is_proven_in_one_file():
    files = [named(path) for path in Path(__file__).parents[1].rglob("test_*.py")]
    assert {client: sum(client in names for names in files) for client in compatibility.rows()} == dict.fromkeys(
        compatibility.rows(), 1
    )
