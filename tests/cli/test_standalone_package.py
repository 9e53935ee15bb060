"""The command line as its own package: installed without the service, with completion, and fast to start."""

import os
import shutil
import subprocess
import sys
import venv

import pytest

from tests.cli.conftest import ROOT, Terminal, program

SERVICE = ("django", "celery", "rest_framework", "psycopg", "pkcs11", "cryptography", "urllib3", "vaultportal")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The command `portal` from a wheel, in an environment without the rest of the project."""
    place = tmp_path_factory.mktemp("alone")
    shutil.copytree(ROOT / "apps" / "cli", place / "apps" / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "apps" / "audit_log").mkdir()
    (place / "apps" / "audit_log" / "auditverify.py").write_text("def main(argv):\n    print(argv)\n    return 1\n")
    venv.create(place / "venv")
    pip = [sys.executable, "-m", "pip", "--python", place / "venv" / "bin" / "python"]
    # The certificate authority of the running system, which the environment names, is not that of a package index.
    clean = {name: value for name, value in os.environ.items() if name not in {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}}
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", place / "apps" / "cli"]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return place / "venv" / "bin"


def test_installed_package_reaches_the_service(installed, stack, tmp_path):
    python = installed / "python"
    looked = subprocess.run(
        [python, "-I", "-c", f"import importlib.util as u; print([n for n in {SERVICE} if u.find_spec(n)])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert looked.stdout.strip() == "[]"
    terminal = Terminal(tmp_path, [installed / "portal"], PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca)
    terminal.environment |= {"AZURE_CLIENT_ID": stack.client_id, "AZURE_CLIENT_SECRET": stack.client_secret}
    terminal.run("login", "--application")
    assert terminal.json("whoami")["kind"] == "application"
    terminal.run("key", "list", "--vault", "demo-europe")


@pytest.mark.stack  # with the test above, for which the package is installed
def test_wheel_includes_the_verifier_and_returns_its_exit_code(installed, tmp_path):
    terminal = Terminal(tmp_path, [installed / "portal"])
    output = terminal.run("audit", "verify", "somewhere", "--vkey", "key", code=1)
    assert output.stdout.strip() == "['somewhere', '--vkey=key']"


def test_help_imports_neither_the_service_nor_network_code():
    code = "import sys; from apps.cli import main; names = {n for m in sys.modules for n in (m, m.split('.')[0])};"
    code += f"print(sorted(names & {{*{SERVICE}, 'ssl', 'http.client'}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_checkout_script_runs_in_the_callers_directory(tmp_path):
    terminal = Terminal(tmp_path, [ROOT / "portal"])
    helped = terminal.run("help").stdout
    assert "./portal up " in helped
    assert "./portal login " in helped
    terminal.run("key", "list", "--vault", "x", code=3)
    (tmp_path / "log").mkdir()
    (tmp_path / "verifier.py").write_text("import os\n\ndef main(argv):\n    return len(os.listdir(argv[0]))\n")
    terminal.run("audit", "verify", "log", "--vkey", "k", "--verifier", "verifier.py")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_of_each_shell(tmp_path, shell):
    terminal = Terminal(tmp_path, program())
    assert f"_PORTAL_COMPLETE=complete_{shell}" in terminal.run("completion", shell).stdout


@pytest.mark.stack
def test_installed_package_completes_in_bash(installed, tmp_path):
    script = tmp_path / "completion"
    terminal = Terminal(tmp_path, [installed / "portal"])
    script.write_text(terminal.run("completion", "bash").stdout)
    asked = f'source {script}; COMP_WORDS=(portal key ro); COMP_CWORD=2; _portal_completion portal; echo "${{COMPREPLY[@]}}"'
    environment = {**terminal.environment, "PATH": f"{installed}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["rotate"]
