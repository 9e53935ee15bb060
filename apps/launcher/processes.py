"""The processes of an installation, each with its command line and its environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apps.launcher import softhsm
from apps.launcher.account import ROOT, uids
from apps.launcher.state import AUDIT, WORLDS, StateDirectory

# Above the connections that are accepted: a thread reads each request, and slots bound how many are worked on
# (apps/interfaces/http_server).
_WEB_THREADS, _CONNECTIONS = 1100, 1024
_WEBS = (("web", "127.0.0.1"), ("web6", "::1"))
_MANAGE = (sys.executable, str(ROOT / "manage.py"))
_CELERY = (sys.executable, "-m", "celery", "-A", "vaultportal")
_EVENT_THREADS = 16  # deliveries at once, to as many webhooks
_NO_QUEUE = ("-X", "celery")  # without -Q a worker consumes the default queue, which this excludes


@dataclass(frozen=True)
class Process:
    """One process to keep running."""

    name: str
    argv: tuple[str, ...]
    env: dict[str, str]
    stop_signal: str = "SIGTERM"
    data: bool = False  # PostgreSQL and Valkey: never as root
    world: str = ""  # whose token it opens
    niceness: int = 0  # nice(1), within its session and among the sessions
    socket: Path | None = None  # a file that the last run left, and that granian does not replace
    account: str = ""  # the kind of process whose account it has (apps/launcher/account.py); "" for `data`


_WEB_SETTINGS = ("web", "portal", "auditor_web", "test")  # of processes that need Django's secret

# Variables of the launcher's own environment that every Django process gets.
_PASSED_ON = (
    "APPROVAL_SAME_PERSON_DAYS",
    "QUOTA_FACTOR",
    "REQUEST_SECONDS",
    "DATA_PLANE_SLOTS",
    "HSM_HANDLE_CACHE_MB",
    "CONNECTIONS_PER_ADDRESS",
    "SWEEP_SECONDS",
    "TOKEN_KEY_DAYS",
    "DELIVERY_ALLOW",
    "DELIVERY_SECONDS",
    "TEST_VAULTS_PER_PERSON",
    "FEDERATION_INSIDE_HOSTS",
    "FEDERATION_CA_FILE",
)


def django_environment(state: StateDirectory, *, settings: str, role: str) -> dict[str, str]:
    """The environment of every Django process, with the original files of secrets (apps/launcher/credentials.py)."""
    return {
        "DJANGO_SETTINGS_MODULE": f"vaultportal.settings.{settings}",
        "DATABASE_URL": state.database_url(role),
        "DATABASE_PASSWORD_FILE": str(state.secret_file(f"database-{role}")),
        "BROKER_URL": f"redis+socket://{state.sockets}/valkey.sock",
        "VAULT_SUFFIX": "vault.localhost",
        "PUBLIC_PORT": str(state.settings()["port"]),
        "AUDITORS_PORT": str(state.auditors_port),
        "LANE_DIR": str(state.run / "lane"),
        "AUDIT_SEALING_KEY_FILE": str(state.directory / "audit" / "sealing.pem"),
        "AUDIT_VKEY_FILE": str(state.directory / "audit" / "checkpoint.vkey"),
        "AUDIT_WRITER_SECRET_FILE": str(state.secret_file("audit-writers")),
        "DELIVERY_ROOT": str(state.directory / "delivered"),
        **({"DJANGO_SECRET_KEY_FILE": str(state.secret_file("django"))} if settings in _WEB_SETTINGS else {}),
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        **({"MANAGEMENT_BASIC": "1", "ENVIRONMENT_NAME": "demo"} if state.settings().get("demo") else {}),
        **({"TEST_CLOCK": "1"} if state.settings().get("clock") else {}),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def reader_environment(state: StateDirectory) -> dict[str, str]:
    """Additional variables of a process that may open records of the audit log."""
    return {"AUDIT_LANE_DIR": str(state.run / "audit-lane")}


def auditors_environment(state: StateDirectory) -> dict[str, str]:
    """Additional variables of the auditors' processes."""
    return {**reader_environment(state), "EVIDENCE_DIR": str(state.directory / "evidence")}


def hsm_environment(state: StateDirectory, world: str, *, role: str) -> dict[str, str]:
    """The environment of a process that may use the HSM of one world, or the audit token.

    The variable `<WORLD>_HSM_MODULE` names another module than SoftHSM: Kryoptic, or one that opens SoftHSM's tokens
    (benchmarks).
    """
    return {
        **django_environment(state, settings="audit_worker" if world == AUDIT else "hsm_worker", role=role),
        **(reader_environment(state) if world == AUDIT else {}),
        "HSM_WORLD": world,
        "HSM_MODULE": softhsm.module_of(world),
        "HSM_TOKEN_LABEL": f"vp-{world}",
        "HSM_PIN_FILE": str(state.secret_file(f"pin-{world}")),
        "LANE_ACCOUNTS": lane_accounts(state, world),
        **softhsm.configurations(state, world),
    }


def lane_accounts(state: StateDirectory, world: str) -> str:
    """The accounts that may connect to a worker, by kind of process; "" when all have one account."""
    if not state.account.is_separated:
        return ""
    members = state.account.members
    if world == AUDIT:
        kinds = {"auditors": [members["auditor"]], "delivery": [members["delivery"]], "verifier": [members["verifier"]]}
    else:
        others = [members[f"hsm-{name}"] for name in WORLDS if name != world]
        kinds = {kind: [members[kind]] for kind in ("delivery", "events")}
        kinds |= {"web": [members["web"], members["owner"]], "workers": others}
    return " ".join(f"{kind}={uids(accounts)}" for kind, accounts in kinds.items())


def python_processes(state: StateDirectory, *, lanes: Mapping[str, int], ipv6: bool) -> list[Process]:
    """All processes but PostgreSQL and Valkey, in the order of their start. `lanes`: their number by world."""
    tls_key = {"GRANIAN_SSL_KEYFILE": str(state.directory / "tls" / "server.key")}
    own_ca = {"OWN_CA_FILE": str(state.directory / "tls" / "ca.pem")}  # people download it to trust this installation
    audit = hsm_environment(state, AUDIT, role="vault_audit")
    witness = {"AUDIT_WITNESS_DIR": str(state.directory / "audit" / "witness")}
    portal_socket = state.run / "portal" / "portal.sock"
    web = django_environment(state, settings="web", role="vault_web") | {"PORTAL_SOCKET": str(portal_socket)}
    portal = django_environment(state, settings="portal", role="vault_web") | own_ca
    auditor = django_environment(state, settings="auditor_web", role="vault_auditor") | auditors_environment(state)
    jobs = django_environment(state, settings="scheduler", role="vault_jobs")
    delivery = django_environment(state, settings="log_delivery", role="vault_delivery") | reader_environment(state)
    spool = {"DELIVERY_SPOOL_PATH": str(state.data)}
    verifier = django_environment(state, settings="log_verifier", role="vault_audit") | reader_environment(state)
    events = django_environment(state, settings="event_delivery", role="vault_events")
    retention = django_environment(state, settings="log_delivery", role="vault_retention")
    beat = ("beat", "-s", str(state.run / "scheduler" / "beat-schedule"), "--pidfile=", "-l", "WARNING")
    return [
        # Sequences and signs the audit log, and opens it for its readers: the only process with the audit token. Like a
        # lane it consumes no queue.
        Process("audit-worker", _worker("audit", *_NO_QUEUE), audit | witness, world=AUDIT, account="audit"),
        *hsm_workers(state, lanes=lanes),
        # On both loopback addresses: names under localhost resolve to ::1 first where they resolve at all.
        *[
            Process(name, _tls_server(state, host), web | tls_key, account="web")
            for name, host in _WEBS
            if ipv6 or host != "::1"
        ],
        # Serves the portals and the management API to the web, which forwards their requests. Applications go first.
        Process(
            "portal",
            _granian("portal", {"--uds": str(portal_socket)}),
            portal,
            account="web",
            niceness=5,
            socket=portal_socket,
        ),
        # With log delivery, the only readers of the audit log.
        Process(
            "auditor-web", _tls_server(state, "127.0.0.1", auditors=True), auditor | own_ca | tls_key, account="auditor"
        ),
        Process("auditor-worker", (*_MANAGE, "auditor_worker"), auditor, account="auditor"),
        Process("log-verifier", (*_MANAGE, "verify_logs"), verifier | witness, account="verifier", niceness=19),
        # The scheduler sends the tasks of the maintenance worker.
        Process("jobs", _worker("jobs", "-Q", "jobs"), jobs, account="jobs"),
        Process("scheduler", (*_CELERY, *beat), jobs, account="jobs"),
        # Deliver audit logs to their owners' storage; delete expired records.
        Process("log-delivery", (*_MANAGE, "deliver_logs"), delivery | spool, account="delivery"),
        # Delivers events to webhooks: threads, because they wait for receivers most of the time.
        Process("event-delivery", _worker("events", "-Q", "events", threads=_EVENT_THREADS), events, account="events"),
        Process("log-retention", (*_MANAGE, "delete_expired_records", "--again"), retention, account="retention"),
    ]


def hsm_workers(state: StateDirectory, *, lanes: Mapping[str, int]) -> list[Process]:
    """Per world: lanes that use keys, and one worker that creates keys, so that a creation never delays a use.

    A lane consumes no queue: its requests come over its socket. Celery starts and stops it like the other workers.
    """
    workers = []
    for world in WORLDS:
        environment = hsm_environment(state, world, role="vault_hsm")
        for number in range(1, lanes[world] + 1):
            socket = state.run / "lane" / world / f"{number}.sock"
            lane = _worker(f"lane{number}.{world}", *_NO_QUEUE)
            lane_environment = environment | {"LANE_SOCKET": str(socket)}
            name, account = f"hsm-{world}-lane-{number}", f"hsm-{world}"
            workers.append(Process(name, lane, lane_environment, world=world, account=account))
        jobs = _worker(f"jobs.{world}", "-Q", f"hsm.{world}")
        workers.append(Process(f"hsm-{world}-jobs", jobs, environment, world=world, account=f"hsm-{world}"))
    return workers


def _worker(name: str, *queues: str, threads: int = 0) -> tuple[str, ...]:
    """The command of a Celery worker with this number of threads, or with one task at a time."""
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING")
    pool = ("threads", "-c", str(threads)) if threads else ("solo",)
    return (*_CELERY, "worker", "-P", *pool, *queues, "-n", f"{name}@portal", *quiet)


def _tls_server(state: StateDirectory, host: str, *, auditors: bool = False) -> tuple[str, ...]:
    listening = {
        "--host": host,
        "--port": str(state.auditors_port if auditors else state.settings()["port"]),
        "--ssl-certificate": str(state.directory / "tls" / "server.pem"),
    }
    return _granian("auditor_web" if auditors else "web", listening)


def _granian(entry: str, listening: Mapping[str, str]) -> tuple[str, ...]:
    options = {
        "--interface": "wsgi",
        **listening,
        "--workers": "1",
        "--blocking-threads": str(_WEB_THREADS),
        "--backpressure": str(_CONNECTIONS),
        "--http": "1",
        "--workers-kill-timeout": "5",
        "--log-level": "warning",
    }
    flat = [word for pair in options.items() for word in pair]
    return (sys.executable, "-m", "granian", *flat, "--respawn-failed-workers", f"vaultportal.wsgi.{entry}:application")
