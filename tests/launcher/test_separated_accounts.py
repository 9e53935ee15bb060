"""What the account of each kind of process can reach in the running system: files, environments, sockets.

Each check runs in a child with the user and the groups of a running process, as an attacker in that process would be.
"""

import contextlib
import json
import os
import pwd
import socket
import tempfile
from functools import partial
from pathlib import Path

import psutil
import pytest

from apps.launcher.account import KINDS, NAME, choose_account
from apps.launcher.directories import directories
from apps.launcher.state import AUDIT, WORLDS, StateDirectory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts processes under several accounts")

EVERYBODY = {"audit-writers"}
# A process of each kind, the secrets that its account reads, and the sockets that it may connect to.
PROCESSES = {
    "web": ("web", {"database-vault_web", "server.key", "django"}, {"lane/europe/web", "lane/america/web"}),
    "auditor": ("auditor-web", {"database-vault_auditor", "server.key", "django"}, {"audit-lane/auditors"}),
    "jobs": ("jobs", {"database-vault_jobs"}, set()),
    "retention": ("log-retention", {"database-vault_retention"}, set()),
    "delivery": (
        "log-delivery",
        {"database-vault_delivery"},
        {"lane/europe/delivery", "lane/america/delivery", "audit-lane/delivery"},
    ),
    "events": ("event-delivery", {"database-vault_events"}, {"lane/europe/events", "lane/america/events"}),
    "audit": (
        "audit-worker",
        {"database-vault_audit", "pin-audit"},
        {"audit-lane/auditors", "audit-lane/delivery", "audit-lane/verifier"},
    ),
    "verifier": ("log-verifier", {"database-vault_audit"}, {"audit-lane/verifier"}),
    "hsm-europe": (
        "hsm-europe-lane-1",
        {"database-vault_hsm", "pin-europe"},
        {
            *("lane/europe/web", "lane/europe/delivery", "lane/europe/events", "lane/europe/workers"),
            "lane/america/workers",
        },
    ),
}


@pytest.fixture(scope="module")
def state(stack):
    """The running system's directory."""
    directory = Path(os.environ["TEST_STATE_DIR"])
    if directory.stat().st_uid != 0:
        pytest.fail("the accounts are not separated, though root started the system")
    return directory


@pytest.fixture(scope="module")
def processes(state):
    return {name: row["pid"] for name, row in json.loads((state / "status.json").read_text())["processes"].items()}


@pytest.fixture(scope="module")
def secrets(state):
    """Every secret of the installation by the name of its file."""
    found = {path.name: path.read_text().strip() for path in (state / "secrets").iterdir()}
    return found | {"server.key": (state / "tls" / "server.key").read_text().strip()}


def as_process(pid, function):
    """What a function returns in a child with the accounts of a process."""
    ids = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        ids[name] = value.split()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.setgroups([int(group) for group in ids["Groups"]])
            os.setgid(int(ids["Gid"][0]))
            os.setuid(int(ids["Uid"][0]))
            with os.fdopen(writer, "w") as stream:
                json.dump(function(), stream)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = stream.read()
    os.waitpid(child, 0)
    return json.loads(answer)


def read_everything(state, secrets):
    """The names of the secrets that are in any file that this account can read."""
    text = []
    # It may enter some directories without listing them, so their paths are known from the layout.
    known = [entry.path for entry in directories(state, state / "run", tuple(WORLDS), AUDIT)]
    known += [state / "run" / "credentials" / name for name in json.loads(secrets["processes"])]
    for directory in (*known, Path("/proc")):
        for name in secrets:
            text += read(directory / name)
        if directory != Path("/proc") and os.access(directory, os.R_OK):
            for path in directory.rglob("*"):
                text += read(path)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real != os.geteuid():
                text += read(Path(f"/proc/{process.pid}/environ"))
    everything = "\n".join(text)
    return sorted(name for name, secret in secrets.items() if secret in everything)


def read(path):
    try:
        return [path.read_text(errors="replace")] if path.is_file() else []
    except OSError:
        return []


def connections(state):
    """The directories of sockets to which this account can connect."""
    found = set()
    world, audit = ("web", "delivery", "events", "workers"), ("auditors", "delivery", "verifier")
    for lane, peers in (("lane/europe", world), ("lane/america", world), ("audit-lane", audit)):
        for peer in peers:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
                try:
                    connection.connect(str(state / "run" / lane / peer / "1.sock"))
                except OSError:
                    continue
                found.add(f"{lane}/{peer}")
    return sorted(found)


@pytest.mark.stack
@pytest.mark.parametrize("kind", PROCESSES)
def test_an_account_reads_its_own_secrets_and_no_others(state, processes, secrets, kind):
    process, own, _ = PROCESSES[kind]
    sought = secrets | {"processes": json.dumps(list(processes))}
    seen = as_process(processes[process], partial(read_everything, state, sought))
    assert set(seen) == own | EVERYBODY


@pytest.mark.stack
@pytest.mark.parametrize("kind", PROCESSES)
def test_an_account_connects_to_the_sockets_of_its_kind_only(state, processes, kind):
    process, _, sockets = PROCESSES[kind]
    assert set(as_process(processes[process], partial(connections, state))) == sockets


@pytest.mark.stack
def test_no_environment_and_no_argument_has_a_secret(processes, secrets):
    for name, pid in processes.items():
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            shown = Path(f"/proc/{process.pid}/environ").read_text() + " ".join(process.cmdline())
            assert [secret for secret, value in secrets.items() if value in shown] == [], name


@pytest.mark.stack
def test_each_kind_of_process_has_an_account_of_its_own(processes):
    uids = {kind: psutil.Process(processes[process]).uids().real for kind, (process, *_) in PROCESSES.items()}
    assert len(set(uids.values())) == len(uids)
    assert 0 not in uids.values()


def test_a_state_in_which_one_account_owned_everything_is_corrected():
    account = choose_account()
    if not account.is_separated:
        pytest.fail("the account of the processes does not reach this Python")
    one = pwd.getpwnam(NAME)
    with tempfile.TemporaryDirectory(prefix="old-state-") as parent:
        Path(parent).chmod(0o755)
        directory = Path(parent) / "state"
        files = (
            *("secrets/pin-europe", "secrets/database-vault_web", "tls/server.key", "tls/server.pem", "settings.json"),
            *("tokens/europe/abc/token.object", "audit/sealing.pem", "audit/witness/x.note", "evidence/pack.zip"),
            *("delivered/vault/segment", "ceremony-europe.json", "ceremony-europe.completed.json"),
            *("ceremony-europe.toml", "softhsm-europe.conf", "run/lane/europe/1.sock", "pg/PG_VERSION"),
        )
        for name in files:
            path = directory / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text("{}")
            path.chmod(0o600)
        for path in (directory, *directory.rglob("*")):
            os.chown(path, one.pw_uid, one.pw_gid)
            if path.is_dir():
                path.chmod(0o700)
        state = StateDirectory(directory, account)
        state.prepare()
        state.clean_up()

        def owner(name):
            status = (directory / name).stat()
            return pwd.getpwuid(status.st_uid).pw_name, oct(status.st_mode & 0o7777)

        assert owner(".") == ("root", "0o711")
        assert owner("secrets") == ("root", "0o700")
        assert owner("secrets/pin-europe") == owner("tls/server.key") == owner("settings.json") == ("root", "0o600")
        assert owner("tls/server.pem") == owner("softhsm-europe.conf") == ("root", "0o644")
        assert owner("ceremony-europe.toml") == ("root", "0o644")
        assert owner("tokens/europe/abc/token.object") == (f"{NAME}-hsm-europe", "0o600")
        assert owner("tokens/europe") == (f"{NAME}-hsm-europe", "0o700")
        for name in ("ceremony-europe.json", "ceremony-europe.completed.json"):
            assert owner(f"ceremonies/europe/{name}") == (f"{NAME}-hsm-europe", "0o600")
        assert owner("audit/sealing.pem") == (f"{NAME}-audit", "0o644")
        assert owner("audit/witness/x.note") == (f"{NAME}-audit", "0o640")
        assert (directory / "audit" / "witness" / "x.note").group() == f"{NAME}-verifier"
        assert owner("evidence/pack.zip") == (f"{NAME}-auditor", "0o600")
        assert owner("delivered/vault/segment") == (f"{NAME}-delivery", "0o600")
        assert owner("run") == ("root", "0o710")
        assert owner("run/lane/europe/web") == (f"{NAME}-hsm-europe", "0o2750")
        assert owner("pg/PG_VERSION") == (NAME, "0o600")


def test_every_process_has_one_of_the_accounts(tmp_path):
    from apps.launcher import processes as launcher
    from apps.launcher.account import Account

    state = StateDirectory(tmp_path / "state", Account())
    state.prepare()
    state.write(state.directory / "settings.json", '{"port": 8443, "auditors_port": 8444}')
    started = launcher.python_processes(state, lanes={"europe": 1, "america": 1}, ipv6=True)
    state.clean_up()
    assert {process.account for process in started} == set(KINDS) - {"owner"}
