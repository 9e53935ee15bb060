"""Setup of an installation, from an empty directory to a working vault; later starts skip finished steps."""

import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from apps.core.private_files import replace_file
from apps.launcher import certificates, directories, django_commands, postgres, processes, softhsm_tokens, valkey
from apps.launcher.errors import LaunchError
from apps.launcher.state import AUDIT, WORLDS, StateDirectory
from apps.launcher.supervisor import Supervisor

PORTAL, LOGIN, AUDIT_HOST = "portal.vault.localhost", "login.vault.localhost", "audit.vault.localhost"


def check_port(port: int) -> list[str]:
    """Return the loopback addresses that we can listen on. Raises `LaunchError` when the port is taken."""
    free = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
            free.append(address)
        except OSError as error:
            if family == socket.AF_INET or error.errno == 98:
                raise LaunchError(
                    f"Port {port} on {address} is busy ({error.strerror}). "
                    "Stop what listens there or name another with --port."
                ) from None
    return free


class Setup:
    """The ordered start of the processes of a state directory."""

    def __init__(
        self, state: StateDirectory, supervisor: Supervisor, *, report: Callable[[str, float | None], None]
    ) -> None:
        self._state = state
        self._supervisor = supervisor
        self._report = report

    def start(self, *, lanes: Mapping[str, int], ipv6: bool, demo: bool) -> None:
        """Start everything. Raises `LaunchError`."""
        with self._step("certificates"):
            for line in certificates.ensure_certificates(self._state):
                self._report(line, None)
        self.run_data_processes()
        with self._step("database schema"):
            self._run("migrate", "--verbosity=0")
            self._run("apply_privileges")
            if self._state.settings().get("clock"):
                self._run("create_test_clock")
        self._worlds()
        self._python_processes(lanes=lanes, ipv6=ipv6)
        with self._step("organisation and token key"):
            self._run("initialise", "--organisation", "Demo organisation" if demo else "Organisation")
        if demo:
            with self._step("demo vaults, application and people"):
                self._seed_demo()

    def run_data_processes(self) -> None:
        """PostgreSQL with its roles and the empty database, Valkey, and the secrets that every Django process reads."""
        with self._step("PostgreSQL and Valkey"):
            self._state.secret("django")
            self._state.secret("audit-writers")
            postgres.initialise(self._state)
            self._supervisor.start(postgres.process(self._state))
            self._supervisor.start(valkey.process(self._state))
            wait = self._supervisor.wait_until
            wait("PostgreSQL", lambda: postgres.is_ready(self._state), seconds=60, processes=("postgres",))
            wait("Valkey", lambda: valkey.is_ready(self._state), seconds=20, processes=("valkey",))
            postgres.create_roles(self._state)

    def _worlds(self) -> None:
        with self._step("security worlds"):
            softhsm_tokens.initialise(self._state)
            self._ceremony(AUDIT)  # first: the other ceremonies are recorded, and records are sealed to its key
            directories.publish(self._state.directory, self._state.account)
            self._run("seal_earlier_records")
            with ThreadPoolExecutor() as pool:
                list(pool.map(self._ceremony, WORLDS))

    def _ceremony(self, world: str) -> None:
        config = self._state.directory / f"ceremony-{world}.toml"
        if not config.exists():
            text = f'[world]\nname = "{world}"\ngeography = "{WORLDS.get(world, "")}"\ngeneration = 1\n'
            text += 'purpose = "audit"\n' if world == AUDIT else ""
            text += f'\n[token]\nlabel = "vp-{world}"\n'
            self._state.write(config, text, public=True)
        transcript = self._state.directory / "ceremonies" / world / f"ceremony-{world}.json"
        words = ("hsm_ceremony", "--config", str(config), "--transcript", str(transcript))
        django_commands.run_command(self._state, *words, world=world)

    def _seed_demo(self) -> None:
        """Let the owner's account write the demo's credentials where it may, and keep them where the launcher does."""
        path, working = self._state.directory / "demo.json", self._state.run / "owner" / "demo.json"
        if path.exists():
            replace_file(working, path.read_bytes(), owner=self._state.account.of("owner").ids)
        self._run("seed_demo", "--output", str(working))
        self._state.write(path, working.read_text(encoding="utf-8"))
        working.unlink()

    def _python_processes(self, *, lanes: Mapping[str, int], ipv6: bool) -> None:
        with self._step("HSM workers, job worker, scheduler, web"):
            started = processes.python_processes(self._state, lanes=lanes, ipv6=ipv6)
            for process in started:
                self._supervisor.start(process)
            wait = self._supervisor.wait_until
            names = [process.name for process in started]
            wait("The system", lambda: health(self._state) == 200, seconds=90, processes=names)
            auditors = ("auditor-web", "audit-worker")
            wait("The auditors' web", lambda: auditor_web_health(self._state) == 200, seconds=30, processes=auditors)

    def _run(self, *arguments: str) -> None:
        # Workers may have to be restarted in the meantime: a token may refuse a login that coincides with others.
        django_commands.run_command(self._state, *arguments, while_waiting=self._supervisor.restart_dead)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._report(name, time.monotonic() - started)


def health(state: StateDirectory) -> int:
    """Return the HTTP status of the portal's health page; 0 without an answer."""
    return _health(state, PORTAL, state.settings()["port"])


def auditor_web_health(state: StateDirectory) -> int:
    """Return the HTTP status of the auditors' health page; 0 without an answer."""
    return _health(state, AUDIT_HOST, state.auditors_port)


def _health(state: StateDirectory, host: str, port: int) -> int:
    request = urllib.request.Request(f"https://127.0.0.1:{port}/health")
    request.add_header("Host", f"{host}:{port}")
    ours = ssl.create_default_context(cafile=str(state.directory / "tls" / "ca.pem"))  # trusts no other authority
    try:
        with urllib.request.urlopen(request, timeout=3, context=ours) as answer:  # noqa: S310  https
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def write_settings(state: StateDirectory, *, port: int, auditors_port: int, demo: bool, clock: bool = False) -> None:
    """Store the settings of this start for later commands.

    `clock`: the clock of the installation can be moved, which only its first start decides. Raises `LaunchError`.
    """
    earlier = state.settings()
    if clock and earlier and not earlier.get("clock"):
        raise LaunchError(
            f"{state.directory} was created without a clock that moves. Name an empty directory with --state-dir."
        )
    settings = {"port": port, "auditors_port": auditors_port, "demo": demo, "data": str(state.data)}
    settings["clock"] = clock or bool(earlier.get("clock"))
    state.write(state.directory / "settings.json", json.dumps(settings))
