"""Mutated certificates, PFX, PEM, JWK, names, tokens and JWK Sets: no 5xx, no request above 2 s of CPU, little memory.

The suite sends a few hundred. `python -m tests.fuzz.run` sends any number, and sets these variables: FUZZ_COUNT mutants
of FUZZ_KINDS (separated by commas), with the choices of FUZZ_SEED; faults go to FUZZ_FAULTS.
"""

import gc
import os
import random
import warnings
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.kinds import KINDS, Mutants
from tests.fuzz.measuring import MOST_GROWTH, Measured, resident_bytes, table, write_faults
from tests.support import mutated_inputs

COUNT, SEED = int(os.environ.get("FUZZ_COUNT", "350")), int(os.environ.get("FUZZ_SEED", "20261130"))
CHOSEN = [kind for kind in os.environ.get("FUZZ_KINDS", "").split(",") if kind] or list(KINDS)
FAULTS = Path(os.environ.get("FUZZ_FAULTS", "test-artefacts/fuzz-faults.jsonl"))
WARM_UP = 0.1  # of the mutants of a kind: caches fill, modules load

pytestmark = [pytest.mark.hsm, pytest.mark.timeout(24 * 3600)]


def send(system, mutants, measured, first, count):
    for number in range(first, first + count):
        way, data = mutants.next()
        measured.measure(number, data, lambda way=way, data=data: way(system, mutants.rng, data))


def run_kind(system, kind, count, inputs):
    mutants, measured = Mutants(kind, random.Random(f"{SEED} {kind}"), inputs), Measured(kind)
    warm_up = int(count * WARM_UP)
    send(system, mutants, measured, 0, warm_up)
    gc.collect()
    before = resident_bytes()
    send(system, mutants, measured, warm_up, count - warm_up)
    gc.collect()
    measured.growth = resident_bytes() - before
    return measured


def test_mutants_are_taken_or_refused(system, capsys):
    inputs = mutated_inputs.seeds()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what foreign certificates hold
        results = [run_kind(system, kind, COUNT // len(CHOSEN), inputs) for kind in CHOSEN]
    faults = write_faults(FAULTS, results)
    if "FUZZ_COUNT" in os.environ:
        with capsys.disabled():
            print(f"\n{table(results)}\n\nseed {SEED}; {faults} faults{f', in {FAULTS}' if faults else ''}")  # noqa: T201
    first = [(fault["kind"], fault["status"], fault["error"][-500:]) for result in results for fault in result.faults]
    assert not faults, first[:3]
    assert sum(result.growth for result in results) < MOST_GROWTH
    statuses = sum((result.statuses for result in results), Counter())
    assert min(statuses[status] for status in (200, 400, 401, 403)) > 0, statuses
