"""The README's program, exactly as shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


def test_the_program_of_the_readme_runs(stack, tmp_path):
    text = (ROOT / "README.md").read_text()
    program = re.search(r"```python\n(# sign\.py\n.*?)```", text, re.DOTALL)[1]
    (tmp_path / "sign.py").write_text(program)
    result = subprocess.run(
        [sys.executable, "sign.py"], cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"signed by {stack.vault_url}/keys/payroll/") and lines[0].endswith(" True")
    assert lines[2:] == ["archived version opens: b'old data'", "secret: s3cret"]


def test_every_file_that_the_documents_point_to_is_there():
    for document in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document.name}: {target}"
