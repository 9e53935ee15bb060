"""Sends mutated foreign inputs through the WSGI applications and prints what they cost. Run by hand.

    .venv/bin/python -m tests.fuzz.run --count 100000             of all kinds, as many of each
    .venv/bin/python -m tests.fuzz.run --count 5000 --kind PFX    of one kind; may be repeated
    .venv/bin/python -m tests.fuzz.run --count 5000 --seed 7      with other choices

It starts a database of its own and sends from one process. The seed fixes the choices of the mutations. The good inputs
have new keys in each run, so the input of each fault is written to `test-artefacts/fuzz-faults.jsonl` as it was sent.
Exit status 1 when there was a fault.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PYTEST = (sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:logging")


def main():
    arguments = _parse(sys.argv[1:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vaultportal.settings.launcher")
    os.environ |= {
        "FUZZ_COUNT": str(arguments.count),
        "FUZZ_SEED": str(arguments.seed),
        "FUZZ_KINDS": ",".join(arguments.kind),
        "FUZZ_FAULTS": str(arguments.faults),
    }
    from apps.launcher.isolated_system import isolated_database

    with isolated_database(prefix="fuzz") as run:
        sys.exit(run([*_PYTEST, str(ROOT / "tests/fuzz/test_fuzz.py")], None))


def _parse(words):
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="mutants of all kinds together")
    parser.add_argument("--kind", action="append", default=[], help="certificate, PFX, PEM, JWK, name, token or JWKS")
    parser.add_argument("--seed", type=int, default=20261130)
    parser.add_argument("--faults", type=Path, default=ROOT / "test-artefacts" / "fuzz-faults.jsonl")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
