"""The official JavaScript clients, unmodified: every public method, with the check of the challenge's resource on.

A script prints `method X` for each public method of its clients and `ok X` for each that it proved, so a method that a
newer SDK brings makes its test fail until it is covered. ONLY=text,text runs a part of the steps (`node/proving.mjs`).
"""

import pytest

from tests.support.compatibility import locked_in_node, proves

pytestmark = pytest.mark.stack

# Release answers to an attestation issuer: the Python suite has one, and Node would need a second.
PROVEN_IN_PYTHON = {"keys.mjs": {"KeyClient.releaseKey"}, "secrets.mjs": set(), "certificates.mjs": set()}
PACKAGES = {
    "keys.mjs": "JavaScript `@azure/keyvault-keys`",
    "secrets.mjs": "JavaScript `@azure/keyvault-secrets`",
    "certificates.mjs": "JavaScript `@azure/keyvault-certificates`",
}


def words_after(word, text):
    return {line.removeprefix(f"{word} ") for line in text.splitlines() if line.startswith(f"{word} ")}


@pytest.fixture(scope="module")
def running(start_script):
    """All scripts at once: each waits for answers most of its time."""
    return {script: start_script(script) for script in PROVEN_IN_PYTHON}


@pytest.mark.parametrize("script", PROVEN_IN_PYTHON)
def test_every_method_of_the_javascript_clients_is_proven(running, script):
    program, output = running[script]
    assert program.wait(280) == 0, (output / "stderr").read_text()
    printed = (output / "stdout").read_text()
    methods = words_after("method", printed)
    assert methods
    assert PROVEN_IN_PYTHON[script] <= methods
    assert words_after("ok", printed) == methods - PROVEN_IN_PYTHON[script]
    package = PACKAGES[script]
    proves(package, locked_in_node(package.removeprefix("JavaScript ").strip("`")), "every method")
