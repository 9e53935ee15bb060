"""Denials are kept by the processes whose database role may insert them; no other process tries."""

import importlib
from urllib.parse import urlsplit

import pytest

from apps.core.clock import now
from apps.core.ids import uuid7
from apps.launcher.account import Account
from apps.launcher.processes import python_processes
from apps.launcher.state import StateDirectory
from apps.usage import counters, denials
from apps.usage.models import Denial
from vaultportal.database_privileges import PRIVILEGES, ROLES


def may_insert(role):
    (row,) = [row for row in PRIVILEGES if row.table == Denial._meta.db_table]
    return "INSERT" in row[1 + ROLES.index(role)]


@pytest.fixture
def processes(tmp_path):
    state = StateDirectory(tmp_path / "state", Account())
    state.prepare()
    state.write(state.directory / "settings.json", '{"port": 8443, "auditors_port": 8444}')
    yield python_processes(state, lanes={"europe": 1, "america": 1}, ipv6=False)
    state.clean_up()


def test_a_process_keeps_denials_where_its_role_may(processes, monkeypatch):
    kept = {}
    for process in processes:
        for name in process.env.keys() & {"HSM_WORLD", "HSM_MODULE", "HSM_TOKEN_LABEL", "HSM_PIN_FILE"}:
            monkeypatch.setenv(name, process.env[name])
        settings = importlib.import_module(process.env["DJANGO_SETTINGS_MODULE"])
        role = urlsplit(process.env["DATABASE_URL"]).username
        kept[process.name] = settings.STORES_DENIALS
        assert kept[process.name] == may_insert(role), process.name
    assert kept["web"] and kept["hsm-europe-lane-1"]
    assert not kept["auditor-web"]


def denial():
    names = {"vault_name": "", "object_id": "", "operation": "SignIn", "permission": "", "reason": "no"}
    return Denial(at=now(), request_id=uuid7(), status=401, **names)


@pytest.mark.parametrize("stores", [True, False])
def test_a_process_writes_only_what_it_keeps(db, settings, stores):
    settings.STORES_DENIALS = stores
    row = denial()
    denials.add(row)
    counters.flush()
    assert Denial.objects.filter(request_id=row.request_id).exists() == stores
