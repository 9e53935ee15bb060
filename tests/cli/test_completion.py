"""Completion in a real bash: commands, options, and the names that the signed-in user can see."""

import os
import shlex
import subprocess
import uuid

import pytest

from tests.cli.conftest import ROOT, as_person

pytestmark = pytest.mark.stack

# What bash does at a Tab: it calls the function that `complete` registered. The last word is incomplete.
ASK = """
eval "$(portal completion bash)"
COMP_WORDS=({words}); COMP_CWORD={at}
_portal_completion portal
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def complete(signed_out):
    """Completes the last word; `portal` is a program on the PATH."""
    (signed_out.home / "bin").mkdir()
    portal = signed_out.home / "bin" / "portal"
    portal.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, signed_out.program))} "$@"\n')
    portal.chmod(0o755)

    def ask(*words):
        script = ASK.format(words=" ".join(["portal", *map(shlex.quote, words)]), at=len(words))
        environment = {**signed_out.environment, "PATH": f"{portal.parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stderr == ""
        return [word for word in done.stdout.splitlines() if word]

    return ask


def test_completes_commands_and_options(complete):
    assert complete("ce") == ["certificate"]
    assert complete("key", "ro") == ["rotate"]
    assert "--vault" in complete("key", "list", "--")
    assert complete("key", "create", "x", "--type", "R") == ["RSA"]
    assert complete("key", "list", "--vault", "") == [], "nobody has signed in"


def test_completes_names_of_vaults_objects_applications_and_roles(complete, signed_out):
    secops = as_person(signed_out, "SECOPS")
    name = f"tab-{uuid.uuid4().hex[:8]}"
    secops.run("key", "create", name, "--type", "EC", "--software")
    del secops.environment["PORTAL_VAULT"]
    assert complete("key", "list", "--vault", "demo-eu") == ["demo-europe"]
    assert complete("vault", "show", "demo-am") == ["demo-america"]
    assert complete("key", "rotate", "--vault", "demo-europe", name[:8]) == [name]
    assert complete("secret", "show", "--vault", "demo-europe", name[:8]) == []
    assert complete("key", "recover", "--vault", "demo-europe", name[:8]) == []
    secops.run("key", "delete", name, "--vault", "demo-europe")
    assert complete("key", "recover", "--vault", "demo-europe", name[:8]) == [name]
    assert complete("application", "disable", "demo-str") == ["demo-stranger"]
    assert complete("access", "assign", "demo-stranger", "key-vault-crypto-u") == ["key-vault-crypto-user"]


def test_completion_is_silent_when_the_service_is_unavailable(complete, signed_out):
    signed_out.environment |= {
        "PORTAL_USERNAME": "x",
        "PORTAL_PASSWORD": "y",
        "PORTAL_URL": "https://portal.vault.localhost:1",
    }
    assert complete("key", "list", "--vault", "") == []


def test_checkout_script_completes_silently(signed_out):
    asked = {"_PORTAL_COMPLETE": "complete_bash", "COMP_WORDS": "./portal key ro", "COMP_CWORD": "2"}
    environment = {**signed_out.environment, **asked}
    done = subprocess.run([ROOT / "portal"], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("rotate\n", "")
