"""The recipes of docs/programs.md, run as they are printed."""

import os
import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "programs.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(heading):
    """(the commands, the output that the page shows) of a section of second level."""
    text = PAGE.read_text()
    start = text.index(f"\n## {heading}\n")
    end = text.find("\n## ", start + 1)
    blocks = _BLOCK.findall(text[start : None if end < 0 else end])
    commands = [block for language, block in blocks if language == "sh"]
    return commands, "".join(block for language, block in blocks if language == "text")


def headings():
    """Those of sections with commands."""
    found = re.findall(r"^## (.*)$", PAGE.read_text(), re.MULTILINE)
    return [heading for heading in found if section(heading)[0]]


def run(heading, directory, *paths, **variables):
    """What the commands of a section print; `paths`: where programs are found first, `variables`: besides ours."""
    start, (commands, _) = section("Before you start")[0][1], section(heading)
    environment = {**os.environ, **variables, "HOME": str(directory)}
    environment["PATH"] = os.pathsep.join([*map(str, paths), os.environ["PATH"]])
    script = "\n".join(["set -euo pipefail", start, *commands])
    done = subprocess.run(
        ["bash", "-c", script], cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shown(heading):
    return section(heading)[1]
