"""The official Java clients, unmodified, and the portal's Java samples as shown (apps/launcher/toolchains.py: JDK, Maven).

The program prints `method X` for each public method of its clients and `ok X` for each that it proved, so a method that
a newer SDK brings makes the test fail until it is covered.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.interfaces.console.code_samples import LANGUAGES, trust_lines
from apps.interfaces.console.page_context import OWN_CA_NAME
from apps.launcher import toolchains
from tests.support.code_samples import samples
from tests.support.compatibility import proves
from tests.support.identity_agent import make_application, running_agent
from tests.support.management import vault_name
from tests.support.program_environments import installed_once

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif("Java" in toolchains.missing(), reason=toolchains.missing().get("Java", "")),
]
SOURCES = sorted((Path(__file__).parent / "java").iterdir())
THROWAWAY = Path(__file__).parent / "node" / "throwaway.py"


def execute(*command, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=280, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def classes():
    """The class path: packages that Maven brings (`lib`), and our classes, compiled once for the same sources."""

    def install(directory):
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
        pom = Path(__file__).parent / "java" / "pom.xml"
        execute("mvn", "-q", "-B", "-C", "-f", pom, goal, f"-DoutputDirectory={directory / 'lib'}")
        files = [file for file in SOURCES if file.suffix == ".java"]
        execute("javac", "-cp", f"{directory / 'lib'}/*", "-d", directory / "classes", *files)

    with installed_once("java", b"".join(file.read_bytes() for file in SOURCES), install) as directory:
        return directory


@pytest.fixture
def trust(stack, tmp_path):
    """The lines that the portal shows beside the Java sample, run as they are: they set a variable."""
    shutil.copy(stack.ca, tmp_path / OWN_CA_NAME)
    lines = trust_lines(next(language for language in LANGUAGES if language.word == "java"))
    shown = execute("bash", "-euc", f'{lines} >&2\nprintf %s "$JAVA_TOOL_OPTIONS"', cwd=tmp_path)
    return {"JAVA_TOOL_OPTIONS": shown}


@pytest.fixture
def run(classes, trust, tmp_path):
    """Runs a program; None takes a variable away. What it printed."""

    def run(*words, **more):
        options = " ".join([trust["JAVA_TOOL_OPTIONS"], more.pop("options", "")])
        variables = {
            **os.environ,
            "PYTHON": sys.executable,
            "THROWAWAY": str(THROWAWAY),
            "JAVA_TOOL_OPTIONS": options,
            **more,
        }
        environment = {name: value for name, value in variables.items() if value is not None}
        class_path = os.pathsep.join([f"{classes / 'lib'}/*", str(classes / "classes")])
        return execute("java", "-XX:TieredStopAtLevel=1", "-cp", class_path, *words, env=environment, cwd=tmp_path)

    return run


def words_after(word, text):
    return {line.removeprefix(f"{word} ") for line in text.splitlines() if line.startswith(f"{word} ")}


def test_every_method_of_the_java_clients_is_proven(run, classes, management, stack, environment, tmp_path):
    """Signed in by the managed identity of `portal agent`, the sign-in of Java that needs nothing but variables."""
    client_id, certificate = make_application(management, vault_name(stack.vault_url), tmp_path)
    nobody = dict.fromkeys(("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"))
    with running_agent(stack, tmp_path, client_id, certificate) as (variables, _):
        printed = run("Main", **nobody, **variables, **environment.variables)
    methods = words_after("method", printed)
    assert any(method.startswith("KeyAsyncClient.") for method in methods)
    assert words_after("ok", printed) == methods
    environment.check(printed)
    names = "identity", "security-keyvault-keys", "security-keyvault-secrets", "security-keyvault-certificates"
    files = [next((classes / "lib").glob(f"azure-{name}-[0-9]*.jar")).stem.removeprefix("azure-") for name in names]
    named = ", ".join(file.replace("security-keyvault-", "").replace("-", " ") for file in files)
    what = "every method, synchronous and asynchronous, and the portal's samples; managed identity by environment variables alone"
    proves("Java `azure-identity`, `azure-security-keyvault-keys`, `-secrets`, `-certificates`", named, what)


def test_samples_of_the_portal_run_as_shown(run, stack, keys, secrets, certificates, tmp_path):
    for kind, (text, expected) in samples("java", stack, keys, secrets, certificates).items():
        (tmp_path / "Use.java").write_text(text)
        assert expected(run(tmp_path / "Use.java")), kind
