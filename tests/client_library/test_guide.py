"""The program of docs/client-library.md, as it is printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


def test_the_program_of_the_five_minutes_runs(stack, tmp_path):
    text = (ROOT / "docs" / "client-library.md").read_text()
    program = re.search(r"```python\n(# envelope.py\n.*?)```", text, re.DOTALL)[1]
    (tmp_path / "envelope.py").write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python")}
    command = [sys.executable, "envelope.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "decrypted: b'1 000 EUR'",
        "new data under the newest version: True",
        "old data: b'1 000 EUR'",
        "moved: b'1 000 EUR'",
        "refused: The ciphertext, or the context given for it, is not what was encrypted.",
    ]
