"""What only time brings: a storage that is down for a day, a vault that is held for it, records whose days are over."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psycopg
import pytest
from azure.core.exceptions import HttpResponseError

from tests.log_delivery.test_running import written
from tests.support import programs
from tests.support.processes import pid_of
from tests.support.records import running as records
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


PASS_TIME = """
import json
from tests.support.delivery_at_time import pass_time
print(json.dumps(pass_time(sys.argv[1], *map(float, sys.argv[2:]))))
"""


def pass_time(owned, begin, end, hold=72, **changed_settings):
    process = {"settings": "log_delivery", "role": "DELIVERY", **changed_settings}
    return json.loads(programs.output_of(PASS_TIME, owned.name, begin, end, hold, **process))


@pytest.fixture
def broken(owned, hook, stopped_delivery):
    """A vault whose webhook says no. With its policy."""

    def make(on_full):
        hook.status = 503
        owned.deliver_to("webhook", hook.settings, on_full=on_full)
        owned.use(3)
        owned.settle()
        return owned

    return make


def test_a_day_without_storage_loses_nothing_and_keeps_the_order(broken, hook, tmp_path, verified):
    owned = broken("fail-closed")
    first = pass_time(owned, 0, 2)
    owned.use(3)
    owned.settle()
    second = pass_time(owned, 22, 24)
    for current in (first, second):
        assert current["state"] == "failing" and current["delivered"] == 0
        assert 24 <= current["tries"] <= 40, "every five minutes in the end"
        assert current["longest_pause"] == 300
    owned.use(1)  # after a day nothing is held yet
    hook.received.clear()
    hook.status = 204
    owned.settle()
    size = owned.size()
    current = pass_time(owned, 24, 25)
    assert current["state"] == "delivering" and current["delivered"] >= size
    names = [headers["X-Vault-Portal-Object"] for headers, _ in hook.received]
    firsts = [name for name in names if "/segments/" in name]
    assert firsts == sorted(firsts) and len(set(names)) == len(names), "in order, each once"
    verified(written(tmp_path / "day", {n: body for n, (_, body) in zip(names, hook.received, strict=True)}))


def uses(owned):
    try:
        owned.secrets.get_secret("used", retry_total=0)
    except HttpResponseError as error:
        return error.status_code, error.message
    return 200, ""


def serves_nothing(owned):
    """Within a second, where nobody else wants the processor."""
    wait_until(lambda: uses(owned)[0] == 503, "the vault serves nothing")


def serves_again(owned):
    wait_until(lambda: uses(owned)[0] == 200, "the vault is unfrozen")


def test_after_three_days_the_vaults_policy_decides_to_serve_nothing(broken, hook):
    owned = broken("fail-closed")
    pass_time(owned, 70, 71)
    assert uses(owned)[0] == 200
    pass_time(owned, 71.5, 73)
    serves_nothing(owned)
    assert "audit log could not be delivered" in uses(owned)[1]
    with pytest.raises(HttpResponseError) as refused:
        owned.keys.create_ec_key("no", retry_total=0)
    assert refused.value.status_code == 503
    made = owned.management.ask("POST", f"vaults/{owned.name}/new-key", {"name": "no", "key_type": "EC"})
    assert made.status in (400, 503), made.data
    hook.status = 204
    pass_time(owned, 73, 74)
    serves_again(owned)
    kept = [row["operation"] for row in records("log_id = %s AND operation LIKE 'Vault%%'", [owned.id])]
    assert kept[-2:] == ["VaultHold", "VaultRelease"]


def test_or_to_go_on(broken):
    owned = broken("go-on")
    pass_time(owned, 79, 80)
    time.sleep(1.0)
    assert uses(owned)[0] == 200


def test_removing_the_destination_releases_the_vault(broken):
    owned = broken("fail-closed")
    pass_time(owned, 73.5, 74)
    serves_nothing(owned)
    assert owned.management.ask("DELETE", owned.path).status == 204
    os.kill(pid_of("log-delivery"), signal.SIGCONT)
    serves_again(owned)


def disk(path, percent):
    return {"DELIVERY_SPOOL_PATH": str(path), "DELIVERY_SPOOL_PERCENT": percent}


def test_a_disk_that_is_full_does_not_wait_for_three_days(broken, tmp_path):
    """The real share of a real disk, measured against a share just above it, and one just below."""
    owned, usage = broken("fail-closed"), shutil.disk_usage(tmp_path)
    share = 100 * (usage.total - usage.free) // usage.total
    assert 1 < share < 98
    pass_time(owned, 0, 0.01, **disk(tmp_path, share + 2))
    time.sleep(1.0)
    assert uses(owned)[0] == 200
    pass_time(owned, 0.1, 0.11, **disk(tmp_path, share - 1))
    serves_nothing(owned)
    assert "audit log could not be delivered" in uses(owned)[1]
    pass_time(owned, 0.4, 0.41, **disk(tmp_path, share + 2))
    serves_again(owned)  # there is room
    pass_time(owned, 1, 1.01, **disk(tmp_path / "not-there", 99))
    serves_nothing(owned)  # what cannot be measured counts as full
    kept = [row["operation"] for row in records("log_id = %s AND operation LIKE 'Vault%%'", [owned.id])]
    assert kept[-3:] == ["VaultHold", "VaultRelease", "VaultHold"]


def test_a_full_disk_stops_no_vault_whose_owner_wants_to_go_on(broken, tmp_path):
    owned = broken("go-on")
    pass_time(owned, 0, 0.01, **disk(tmp_path, 1))
    time.sleep(1.0)
    assert uses(owned)[0] == 200


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE delivery_logdestination SET created = now() + interval '70 hours' WHERE vault_id = %s",
        "UPDATE delivery_deliverystate s SET last_delivered = now() + interval '70 hours' "  # noqa: ISC004
        "FROM delivery_logdestination d WHERE d.id = s.destination_id AND d.vault_id = %s",
    ],
    ids=["a new place", "a place that took some a while ago"],
)
def test_old_records_do_not_make_the_first_failure_one_of_three_days(broken, statement):
    """Three days are those of the storage: a vault of years may begin to deliver, or still be at it."""
    owned = broken("fail-closed")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement, [owned.id])
    assert pass_time(owned, 80, 81)["state"] == "failing"
    time.sleep(1.0)
    assert uses(owned)[0] == 200
    pass_time(owned, 141.5, 143)
    serves_nothing(owned)


FORGET = """
from apps.workers.log_delivery.retention import delete_due
print(delete_due())
"""


def forget():
    return programs.output_of(FORGET, settings="log_delivery", role="RETENTION")


@pytest.fixture
def keep(owned, owner):
    """Set the vault's retention: as a person does, to 1 day or more; to 0, which lets each record be old, by SQL."""

    def set_days(days):
        if days:
            assert owned.management.ask("PUT", f"vaults/{owned.name}/log-retention", {"days": days}).status == 200
        else:
            owner.execute("UPDATE delivery_logretention SET days = 0 WHERE vault_id = %s", [owned.id])

    return set_days


def forgotten(owned):
    with psycopg.connect(os.environ["AUDITOR_DATABASE_URL"]) as connection:
        query = "SELECT forgotten FROM audit_log WHERE log_id = %s"
        below = connection.execute(query, [owned.id]).fetchone()[0]
        query = (
            "SELECT count(*) FILTER (WHERE l.seq < %s AND e.id IS NOT NULL), count(*) FILTER (WHERE e.id IS NULL), "
            "count(*) FROM audit_leaf l LEFT JOIN audit_event e ON e.id = l.event_id WHERE l.log_id = %s"
        )
        left, gone, leaves = connection.execute(query, [below, owned.id]).fetchone()
    assert left == 0 and gone == below and leaves >= below, "bodies go, leaves stay"
    return below


def test_records_go_when_their_days_are_over_and_the_storage_has_them(owned, keep, folder, request):
    owned.deliver_to("directory", {"path": folder})
    keep(1)
    owned.use()
    owned.wait_delivered()
    forget()
    assert forgotten(owned) == 0
    keep(0)
    request.getfixturevalue("stopped_delivery")
    delivered = owned.read_status()["delivery"]["delivered"]
    owned.use()
    owned.settle()
    forget()
    assert forgotten(owned) == delivered, "never below what the storage has"
    output = [row["properties"] for row in records("log_id = %s AND operation = 'LogForget'", [owned.id])]
    assert [row["below"] for row in output] == [delivered], "the deletion is a record"


def test_after_forgetting_delivery_goes_on_and_says_what_it_cannot_deliver_again(
    owned, keep, delivered_root, folder, verified
):
    owned.deliver_to("directory", {"path": folder})
    keep(1)
    owned.use()
    owned.wait_delivered()
    keep(0)
    forget()
    assert forgotten(owned) > 0
    owned.use()
    owned.wait_delivered()
    verified(delivered_root / folder)
    answer = owned.management.ask("POST", f"{owned.path}/replay", {"first": 0, "last": 0})
    ended = wait_until(lambda: [row for row in owned.read_status()["replays"] if row["state"] != "queued"], "replay")
    assert answer.status == 202
    assert ended[0]["state"] == "failed" and "not here any more" in ended[0]["error"]


def test_without_a_destination_only_days_count(owned, keep):
    keep(1)
    owned.use()
    owned.settle()
    size = owned.size()
    keep(0)
    forget()
    assert forgotten(owned) >= size


def test_a_destination_that_comes_after_forgetting_begins_where_records_begin(
    owned, keep, delivered_root, folder, verified
):
    keep(1)
    owned.use()
    owned.settle()
    keep(0)
    forget()
    below = forgotten(owned)
    owned.use()
    owned.deliver_to("directory", {"path": folder})
    current = owned.wait_delivered()
    assert current["delivery"]["first"] >= below
    verified(delivered_root / folder, "--partial")


FORGETTING = """
import django, sys; django.setup()
from django.db import transaction
from apps.workers.log_delivery.retention import delete_due
with transaction.atomic():
    print(delete_due(), flush=True)
    sys.stdin.read()
"""


def test_a_destination_that_comes_while_records_go_begins_behind_them(owned, keep, delivered_root, folder, verified):
    """Nobody delivers what another transaction is forgetting, and then misses the rest of it."""
    keep(1)
    owned.use()
    owned.settle()
    keep(0)
    environment = programs.environment("log_delivery", "RETENTION")
    command = [sys.executable, "-c", FORGETTING]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=programs.ROOT, env=environment, stdin=pipe, stdout=pipe) as forgetting:
        assert int(forgetting.stdout.readline()) > 0
        owned.deliver_to("directory", {"path": folder})
        time.sleep(4)
        assert owned.read_status()["delivery"]["delivered"] == 0
        forgetting.stdin.close()
    below = forgotten(owned)
    owned.use(1)
    current = owned.wait_delivered()
    assert current["delivery"]["first"] == below > 0
    verified(delivered_root / folder, "--partial")


def test_retention_has_bounds(owned):
    for days in (0, -1, 4000, "x"):
        assert owned.management.ask("PUT", f"vaults/{owned.name}/log-retention", {"days": days}).status == 400
    assert owned.management.ask("PUT", f"vaults/{owned.name}/log-retention", {"days": None}).json() == {"days": None}
