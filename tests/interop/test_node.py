"""The official JavaScript clients, unmodified: every public method, with the check of the challenge's resource on.

A script prints `method X` for each public method of its clients and `ok X` for each that it proved, so a method that a
newer SDK brings makes its test fail until it is covered. ONLY=text,text runs a part of the steps (`node/proving.mjs`).
"""

import pytest

pytestmark = pytest.mark.stack

# Release answers to an attestation issuer: the Python suite has one, and Node would need a second.
PROVEN_IN_PYTHON = {"keys.mjs": {"KeyClient.releaseKey"}, "secrets.mjs": set(), "certificates.mjs": set()}


def words_after(word, text):
    return {line.removeprefix(f"{word} ") for line in text.splitlines() if line.startswith(f"{word} ")}


@pytest.mark.parametrize("script", PROVEN_IN_PYTHON)
def test_every_method_of_the_javascript_clients_is_proven(node, script):
    done = node(script)
    assert done.returncode == 0, done.stderr
    methods = words_after("method", done.stdout)
    assert methods
    assert PROVEN_IN_PYTHON[script] <= methods
    assert words_after("ok", done.stdout) == methods - PROVEN_IN_PYTHON[script]
