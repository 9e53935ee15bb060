"""Build `delaying_module.c`: `python -m tests.support.delaying_module DIRECTORY MILLISECONDS` prints the module's path."""

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
_SOFTHSM = next((path for path in Path("/usr/lib").rglob("libsofthsm2.so")), Path("install-softhsm2"))


def build(directory: Path, *, milliseconds: int) -> Path:
    """Compile the module that pauses for `milliseconds` after each use of a key, and return its path."""
    module = directory / "delaying.so"
    defined = [f'-DMODULE="{_SOFTHSM}"', f"-DDELAY_MS={milliseconds}"]
    subprocess.run(["cc", "-shared", "-fPIC", *defined, "-o", module, SOURCE, "-ldl", "-lpthread"], check=True)
    return module


if __name__ == "__main__":
    sys.stdout.write(str(build(Path(sys.argv[1]), milliseconds=int(sys.argv[2]))))
