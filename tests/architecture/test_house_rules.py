"""Rules that no linter knows."""

import ast
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "apps/*.py", "vaultportal/*.py", "clients/*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if "migrations" not in Path(name).parts
]
LONGEST_FUNCTION = 60  # ruff counts statements and branches (PLR0915, C901), not lines
LONGER = {"apps/domain/certificates/operations/creation.py: import_certificate"}


def functions():
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}: {node.name}", node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_60_lines():
    lengths = dict(functions())
    assert len(lengths) > 1000, "there is code to look at"
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION and name not in LONGER} == {}


def test_locks_have_hashes_and_no_addresses():
    locks = sorted((ROOT / "vaultportal" / "requirements").glob("*.txt"))
    assert len(locks) == 4
    for lock in locks:
        text = lock.read_text()
        assert text.count("==") == len(re.findall(r"==.*\\\n\s+--hash=sha256:", text))
        assert "://" not in text
        assert "index-url" not in text
