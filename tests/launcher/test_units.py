"""docs/units runs what the launcher runs: the same processes, settings and database roles, found by reading both."""

import re
import shlex
from pathlib import Path

import pytest

from apps.launcher import credentials, processes

UNITS = Path(__file__).parents[2] / "docs" / "units"
PAGE = (UNITS.parent / "operator.md").read_text()
OURS = {  # the launcher's name for it: its unit
    "audit-worker": "vaultportal-audit-worker.service",
    "hsm-europe-lane-1": "vaultportal-hsm-lane-1@.service",
    "hsm-europe-jobs": "vaultportal-hsm-jobs@.service",
    "web": "vaultportal-web.service",
    "portal": "vaultportal-portal.service",
    "auditor-web": "vaultportal-auditor-web.service",
    "auditor-worker": "vaultportal-auditor-worker.service",
    "jobs": "vaultportal-jobs.service",
    "scheduler": "vaultportal-scheduler.service",
    "log-verifier": "vaultportal-log-verifier.service",
    "log-delivery": "vaultportal-log-delivery.service",
    "event-delivery": "vaultportal-event-delivery.service",
    "log-retention": "vaultportal-log-retention.service",
}

SETTINGS = {  # environment file: settings module
    "audit": "audit_worker",
    "hsm-europe": "hsm_worker",
    "web": "web",
    "portals": "portal",
    "auditors": "auditor_web",
    "jobs": "scheduler",
    "verifier": "log_verifier",
    "delivery": "log_delivery",
    "retention": "log_delivery",
    "events": "event_delivery",
}


@pytest.fixture
def launched(state):
    """What the launcher would start, one lane and one world of each."""
    state.write(state.directory / "settings.json", '{"port": 8443, "auditors_port": 8444}')
    started = processes.python_processes(state, lanes={"europe": 1, "america": 1}, ipv6=False)
    return {process.name: process for process in started if "america" not in process.name}


def options(unit, *, name=""):
    """(name, value) of a unit's lines, for the world europe; `name`: of a copy of the unit (systemd.unit(5): %j)."""
    number = (name or unit).partition("@")[0].rpartition("-")[2]
    text = (UNITS / unit).read_text().replace("%i", "europe").replace("%j", number)
    return [(name, value) for name, _, value in (line.partition("=") for line in text.splitlines()) if value]


def words(argv):
    """The arguments of a command, without values of this machine: paths, ports, addresses."""
    result = [word for word in argv[1:] if not re.search(r"[/$]|^[0-9.]+$|manage.py", word)]
    return sorted(word for word in result if word not in {"--port", "--host"})


def test_each_process_has_its_unit_and_the_target_wants_them_all(launched):
    assert sorted(launched) == sorted(OURS)
    assert sorted(OURS.values()) == sorted(path.name for path in UNITS.glob("*.service"))
    wanted = " ".join(value for name, value in options("vaultportal.target") if name == "Wants").split()
    assert sorted(name.replace("@europe", "@") for name in wanted) == sorted(OURS.values())


@pytest.mark.parametrize("name", OURS)
def test_a_unit_runs_what_the_launcher_runs(launched, name):
    process, result = launched[name], options(OURS[name])
    assert words(shlex.split(dict(result)["ExecStart"])) == words(process.argv)
    given = [value.rpartition("/")[2].removesuffix(".env") for key, value in result if key == "EnvironmentFile"]
    assert given[0] == "portal"
    settings = process.env["DJANGO_SETTINGS_MODULE"].rpartition(".")[2]
    kind = SETTINGS[given[1]]
    assert kind == settings
    role = re.search(r"//(\w+)@", process.env["DATABASE_URL"])[1].removeprefix("vault_")
    assert f" {given[1]}:{role} " in re.sub(r"[;\n]", " ", PAGE)
    assert dict(result)["User"] == f"vault-{process.account}"
    assert ("ExecStartPre" in dict(result)) == bool(process.socket)
    assert int(dict(result).get("Nice", 0)) == process.niceness
    assert ("CPUWeight" in dict(result)) == bool(process.niceness)
    assert (("RestartPreventExitStatus", "78") in result) == ("HSM_PIN_FILE" in process.env)


def test_a_copy_of_a_lanes_unit_under_another_number_is_another_lane(state):
    state.write(state.directory / "settings.json", '{"port": 8443, "auditors_port": 8444}')
    workers = processes.hsm_workers(state, lanes={"europe": 3, "america": 1})
    lanes = [process for process in workers if "europe-lane" in process.name]
    for number, lane in enumerate(lanes, 1):
        result = options(OURS["hsm-europe-lane-1"], name=f"vaultportal-hsm-lane-{number}@europe.service")
        assert words(shlex.split(dict(result)["ExecStart"])) == words(lane.argv)
        socket = lane.env["LANE_SOCKET"].partition("/lane/")[2]
        assert f"LANE_SOCKET=/run/vaultportal/lane/{socket}" in [value for _, value in result]
    assert len(lanes) == 3


@pytest.mark.parametrize("name", OURS)
def test_a_unit_gives_its_process_the_secrets_that_the_launcher_gives_it(launched, name):
    env, result = launched[name].env, options(OURS[name])
    needed = {variable: Path(env[variable]).name for variable in credentials.VARIABLES if variable in env}
    loaded = [value.partition(":") for key, value in result if key == "LoadCredential"]
    assert sorted(file for file, _, _ in loaded) == sorted(needed.values())
    assert all(Path(source).name == file for file, _, source in loaded)
    named = dict(value.partition("=")[::2] for key, value in result if key == "Environment")
    assert {variable: named.get(variable) for variable in needed} == {
        variable: f"%d/{file}" for variable, file in needed.items()
    }


@pytest.mark.parametrize("name", OURS)
def test_a_unit_sees_no_process_of_another_account(name):
    result = dict(options(OURS[name]))
    assert (result["ProtectProc"], result["NoNewPrivileges"]) == ("invisible", "true")


def test_every_variable_of_a_process_is_in_the_pages_files(launched):
    """But for what the launcher passes on, and what is of this machine."""
    own = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "PYTHONPATH", "LANE_SOCKET", "DELIVERY_SPOOL_PATH"}
    own |= {"LANE_ACCOUNTS", *credentials.VARIABLES}  # the units name them
    files = PAGE[PAGE.index("## From an empty machine") :]
    needed = {name for process in launched.values() for name in process.env} - own - set(processes._PASSED_ON)
    assert {name for name in needed if f"{name}=" not in files} == set()
