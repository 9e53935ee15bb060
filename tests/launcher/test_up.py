"""`up`, as a person uses it: start, look, start twice, stop, start again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support.processes import free_port

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


def command(*arguments):
    return [sys.executable, "manage.py", *map(str, arguments)]


ENVIRONMENT = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "vaultportal.settings.launcher"}


def run(*arguments):
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=200, check=False
    )


class Up:
    """One `up` in the background."""

    def __init__(self, directory, port, *flags):
        self.directory = directory
        arguments = ("up", "--state-dir", directory, "--port", port, "--lanes", 1, *flags)
        self.process = subprocess.Popen(
            command(*arguments), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines = []

    def wait_ready(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.strip() == "ready":
                return self
        pytest.fail("\n".join(self.lines))

    def pids(self):
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    def stop(self, number):
        pids = self.pids()
        self.process.send_signal(number)
        self.process.wait(60)
        self.process.stdout.close()
        deadline = time.monotonic() + 10
        while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.1)
        return [pid for pid in pids if psutil.pid_exists(pid)]


def clear(directory):
    """What a state keeps elsewhere, when the account of its data processes cannot reach it."""
    elsewhere = Path(json.loads((directory / "settings.json").read_text())["data"])
    if elsewhere != directory:
        shutil.rmtree(elsewhere)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    port = free_port()
    started = Up(tmp_path_factory.mktemp("up") / "state", port).wait_ready()
    started.port = port
    yield started
    if started.process.poll() is None:
        started.stop(signal.SIGTERM)
    clear(started.directory)


def test_the_proof_is_shown_and_ready_is_the_last_word(up):
    text = "\n".join(up.lines)
    for step in ("sign (PS256)", "rotate the key", "archived version", "get it back", "is denied", "auditor reads"):
        assert step in text
    assert up.lines[-1] == "ready"


def test_status_names_each_process_and_says_all_is_well(up):
    result = run("status", "--state-dir", up.directory)
    assert result.returncode == 0, result.stdout + result.stderr
    for name in ("postgres", "valkey", "hsm-europe-lane-1", "hsm-america-jobs", "jobs", "scheduler", "web", "health"):
        assert name in result.stdout


def test_env_prints_exports_that_a_shell_takes(up):
    exports = run("env", "--state-dir", up.directory).stdout
    script = (
        exports
        + '\nfor n in VAULT_URL VAULT2_URL AZURE_TENANT_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET PORTAL_AUTHORITY PORTAL_CA PORTAL_URL PORTAL_STRANGER_CLIENT_ID PORTAL_STRANGER_CLIENT_SECRET PORTAL_USER_SECOPS PORTAL_PASSWORD_AUDITOR; do eval echo "$n=\\$$n"; done'
    )
    shown = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True, env={}).stdout
    values = dict(line.split("=", 1) for line in shown.splitlines())
    assert len(values) == 12
    assert all(values.values())
    assert Path(values["PORTAL_CA"]).read_text().startswith("-----BEGIN CERTIFICATE")


def test_doctor_finds_nothing_wrong(up):
    result = run("doctor", "--state-dir", up.directory)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "SDK login" in result.stdout
    assert "token vp-europe" in result.stdout
    names = "vault login.vault auth.vault arm.vault audit.vault demo-europe.vault demo-america.vault"
    line = next(line for line in result.stdout.splitlines() if "127.0.0.1" in line)
    assert {f"{name}.localhost" for name in names.split()} <= set(line.split())
    assert any(printed.strip() == line[line.index("127.0.0.1") :] for printed in up.lines)


def test_a_second_instance_on_the_same_state_is_a_clear_error(up):
    result = run("up", "--state-dir", up.directory, "--port", free_port(), "--check")
    assert result.returncode == 1
    assert f"Another instance (process {up.process.pid}) runs" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_busy_port_is_a_clear_error_and_starts_nothing(up, tmp_path):
    result = run("up", "--state-dir", tmp_path / "other", "--port", up.port, "--check")
    assert result.returncode == 1
    assert f"Port {up.port}" in result.stderr
    assert "--port" in result.stderr
    assert not (tmp_path / "other" / "status.json").exists()


def test_data_processes_are_not_root(up):
    status = json.loads((up.directory / "status.json").read_text())["processes"]
    for name in ("postgres", "valkey"):
        assert psutil.Process(status[name]["pid"]).uids().real != 0
    if os.geteuid() == 0:
        assert up.directory.parent.stat().st_mode & 0o077 == 0, "a directory that was there was loosened"


def test_postgres_is_durable_and_reachable_through_its_socket_alone(up):
    status = json.loads((up.directory / "status.json").read_text())["processes"]
    for name in ("postgres", "valkey"):
        connections = psutil.Process(status[name]["pid"]).net_connections(kind="inet")
        assert [found for found in connections if found.status == "LISTEN"] == []
    arguments = psutil.Process(status["postgres"]["pid"]).cmdline()
    assert not [argument for argument in arguments if "fsync" in argument or "synchronous_commit" in argument]


def test_the_web_listens_on_both_loopbacks_and_nowhere_else(up):
    status = json.loads((up.directory / "status.json").read_text())["processes"]
    heard = set()
    for name in ("web", "web6"):
        if name in status:
            process = psutil.Process(status[name]["pid"])
            for one in (process, *process.children(recursive=True)):
                heard |= {c.laddr.ip for c in one.net_connections(kind="inet") if c.status == "LISTEN"}
    assert heard <= {"127.0.0.1", "::1"}
    assert "127.0.0.1" in heard


def test_sigterm_stops_everything_and_a_second_start_keeps_the_data(up):
    before = json.loads((up.directory / "demo.json").read_text())
    transcript = up.directory / "ceremonies" / "europe" / "ceremony-europe.json"
    serial = transcript.read_text()
    assert up.stop(signal.SIGTERM) == []
    assert run("status", "--state-dir", up.directory).returncode == 1
    again = Up(up.directory, up.port).wait_ready()
    try:
        assert json.loads((up.directory / "demo.json").read_text()) == before
        assert transcript.read_text() == serial
        listed = run(
            "manage", "--state-dir", up.directory, "audit", "tail", "--vault", "demo-europe", "--limit", "200"
        ).stdout
        assert listed.count("KeyRotate") >= 4, "the records of both proofs: attempt and outcome each"
    finally:
        assert again.stop(signal.SIGINT) == []


def test_a_failed_start_leaves_no_process(up):
    """On a state that was set up before, which spares the time to make one."""
    directory = up.directory
    if up.process.poll() is None:
        up.stop(signal.SIGTERM)
    (directory / "ceremony-europe.toml").write_text("this is not a ceremony")
    result = run("up", "--state-dir", directory, "--port", up.port, "--check")
    assert result.returncode == 1
    assert "hsm_ceremony" in result.stderr
    assert "cannot be read as TOML" in result.stderr
    processes = json.loads((directory / "status.json").read_text())["processes"]
    assert processes
    assert not [name for name, process in processes.items() if psutil.pid_exists(process["pid"])]
