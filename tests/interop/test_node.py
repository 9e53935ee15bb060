"""The official JavaScript clients, unmodified: every public method, with the check of the challenge's resource on.

A script prints `method X` for each public method of its clients and `ok X` for each that it proved, so a method that a
newer SDK brings makes its test fail until it is covered. ONLY=text,text runs a part of the steps (`node/proving.mjs`).
"""

import pytest

from tests.support.compatibility import locked_in_node, proves

pytestmark = pytest.mark.stack

PACKAGES = {
    "keys.mjs": "JavaScript `@azure/keyvault-keys`",
    "secrets.mjs": "JavaScript `@azure/keyvault-secrets`",
    "certificates.mjs": "JavaScript `@azure/keyvault-certificates`",
}


def words_after(word, text):
    return {line.removeprefix(f"{word} ") for line in text.splitlines() if line.startswith(f"{word} ")}


@pytest.fixture(scope="module")
def running(start_script, environment):
    """All scripts at once: each waits for answers most of its time."""
    return {script: start_script(script, **environment.variables) for script in PACKAGES}


@pytest.mark.parametrize("script", PACKAGES)
def test_every_method_of_the_javascript_clients_is_proven(running, script, environment):
    program, output = running[script]
    assert program.wait(280) == 0, (output / "stderr").read_text()
    printed = (output / "stdout").read_text()
    methods = words_after("method", printed)
    assert methods
    assert words_after("ok", printed) == methods
    if script == "keys.mjs":
        environment.check(printed)
    package = PACKAGES[script]
    proves(package, locked_in_node(package.removeprefix("JavaScript ").strip("`")), "every method")
