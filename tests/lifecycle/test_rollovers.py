"""Rolling many keys of a vault, on the running system: complete, once for each key, and through kill -9."""

import os
import signal
import time

import pytest

from tests.support import records
from tests.support.management import vault_name
from tests.support.processes import pid_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

KEYS = 12
REASON = {"reason": "The old ones may be known."}


@pytest.fixture
def full_vault(management, keys_of):
    """(vault's name, its key client) of a vault with some keys, one of them disabled."""
    url = management.vault()
    client = keys_of(url)
    for number in range(KEYS):
        client.create_ec_key(f"key-{number:02}", hardware_protected=number % 2 == 0)
    client.create_ec_key("disabled", enabled=False)
    return vault_name(url), client


def versions(client, name):
    return len(list(client.list_properties_of_key_versions(name)))


def waited(management, rollover, seconds=60):
    def ended():
        found = management.ask("GET", f"rollovers/{rollover}").json()
        return found if found["finished"] else None

    return wait_until(ended, "the end of the bulk rotation", seconds=seconds, pause=0.2)


def begin(management, vault, **fields):
    answer = management.ask("POST", f"vaults/{vault}/rollovers", {**REASON, **fields})
    assert answer.status == 201, answer.data
    return answer.json()["id"]


def test_every_enabled_key_gets_one_new_version(management, full_vault):
    vault, client = full_vault
    found = waited(management, begin(management, vault))
    assert found["state"] == "done"
    assert found["progress"]["done"] == found["total"] == KEYS
    assert {versions(client, f"key-{number:02}") for number in range(KEYS)} == {2}
    assert versions(client, "disabled") == 1
    assert found["begun_by"] == os.environ["PORTAL_USER_SECOPS"]


def test_killed_workers_cost_nothing_and_double_nothing(management, keys_of):
    """Each process that carries it on is killed half-way; it goes on from the last key that was committed."""
    url = management.vault()
    vault, client = vault_name(url), keys_of(url)
    names = [f"key-{number:02}" for number in range(40)]
    for name in names:
        client.create_ec_key(name)
    rollover, settled_at_kills = begin(management, vault), []
    for process in ("hsm-europe-jobs", "jobs", "scheduler"):
        settled_at_kills.append(next_settled(management, rollover, after=max(settled_at_kills, default=0)))
        os.kill(pid_of(process), signal.SIGKILL)
    assert settled_at_kills[-1] < len(names), settled_at_kills  # all kills were half-way
    found = waited(management, rollover, seconds=120)
    assert (found["progress"]["done"], found["progress"]["failed"]) == (len(names), 0)
    assert {versions(client, name) for name in names} == {2}


def next_settled(management, rollover, *, after):
    """How many keys are settled, as soon as there are more than `after`."""

    def settled():
        done = management.ask("GET", f"rollovers/{rollover}").json()["progress"]["done"]
        return done if done > after else None

    return wait_until(settled, "progress", pause=0.1)


def test_paused_it_waits_and_cancelled_it_leaves_the_rest(management, full_vault):
    vault, client = full_vault
    rollover = begin(management, vault)
    assert management.ask("PATCH", f"rollovers/{rollover}", {"state": "paused"}).status == 200
    assert management.ask("POST", f"vaults/{vault}/rollovers", REASON).status == 409  # one at a time
    time.sleep(3)
    paused = management.ask("GET", f"rollovers/{rollover}").json()
    assert paused["state"] == "paused"
    assert paused["progress"]["waiting"] >= KEYS - 8  # what one step may have begun before the pause
    assert management.ask("PATCH", f"rollovers/{rollover}", {"state": "cancelled"}).status == 200
    ended = waited(management, rollover)
    assert ended["state"] == "cancelled"
    assert ended["progress"]["left_out"] + ended["progress"]["done"] == KEYS
    assert sum(versions(client, f"key-{n:02}") for n in range(KEYS)) == KEYS + ended["progress"]["done"]
    again = management.ask("PATCH", f"rollovers/{rollover}", {"state": "running"})
    assert again.status == 409
    assert "cancelled" in again.json()["error"]["message"]


def test_resumed_it_ends(management, full_vault):
    vault, client = full_vault
    rollover = begin(management, vault)
    management.ask("PATCH", f"rollovers/{rollover}", {"state": "paused"})
    assert management.ask("PATCH", f"rollovers/{rollover}", {"state": "running"}).json()["state"] == "running"
    assert waited(management, rollover)["progress"]["done"] == KEYS
    assert versions(client, "key-00") == 2


def test_young_keys_are_left_alone(management, full_vault):
    vault, _ = full_vault
    answer = management.ask("POST", f"vaults/{vault}/rollovers", {**REASON, "older_than_days": 1})
    assert answer.status == 400
    assert "No key of this vault" in answer.json()["error"]["message"]


def test_a_key_disabled_or_rolled_meanwhile_is_left_out(management, full_vault):
    vault, client = full_vault
    rollover = begin(management, vault)
    management.ask("PATCH", f"rollovers/{rollover}", {"state": "paused"})
    time.sleep(1.5)
    waiting = [f"key-{number:02}" for number in range(KEYS) if versions(client, f"key-{number:02}") == 1]
    assert len(waiting) >= 2
    client.update_key_properties(waiting[0], enabled=False)
    client.rotate_key(waiting[1])
    management.ask("PATCH", f"rollovers/{rollover}", {"state": "running"})
    found = waited(management, rollover)
    assert (found["progress"]["done"], found["progress"]["left_out"]) == (KEYS - 2, 2)
    assert versions(client, waiting[0]) == 1
    assert versions(client, waiting[1]) == 2


def test_a_key_purged_meanwhile_holds_nobody_up(management, full_vault):
    vault, client = full_vault
    rollover = begin(management, vault)
    management.ask("PATCH", f"rollovers/{rollover}", {"state": "paused"})
    time.sleep(1.5)
    client.begin_delete_key("key-11").wait()
    client.purge_deleted_key("key-11")
    management.ask("PATCH", f"rollovers/{rollover}", {"state": "running"})
    found = waited(management, rollover)
    assert found["progress"]["done"] + found["progress"]["left_out"] == KEYS
    assert versions(client, "key-10") == 2
    assert begin(management, vault)


def test_its_records_name_who_began_it(management, full_vault):
    vault, _ = full_vault
    rollover = begin(management, vault)
    waited(management, rollover)
    me = os.environ["PORTAL_USER_SECOPS"]
    rotated = records.running("operation = 'KeyRotate' AND phase = 'outcome'")
    rows = [
        (record["caller"], record["properties"]["clientInfo"])
        for record in rotated
        if record["correlation_id"] == rollover
    ]
    assert rows == [("system", f"rollover begun by {me}")] * KEYS
    begun = [
        record["caller"]
        for record in records.running("operation = 'RolloverBegin'")
        if record["properties"].get("rollover") == rollover  # one that was refused has none
    ]
    assert begun == [me]
