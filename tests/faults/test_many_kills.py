"""kill -9 of a random process, again and again, under 32 clients: every 2xx has its record, the log stays sound.

`KILLS=200 ./portal test tests/faults/test_many_kills.py` is the promise's own figure; the suite makes a few.
"""

import json
import os
import random
import time
import uuid

import pytest

from tests.faults.test_kill_9 import acts, objects  # noqa: F401  the fixture
from tests.support import programs
from tests.support.load import Load
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]

KILLS = int(os.environ.get("KILLS", "12"))
CLIENTS = 32
# Checks every log of the running system once, as the audit worker does, and prints what is wrong.
CHECK = """
import json
from apps.audit_log.models import Log
from apps.audit_reader.log_verification import check
from apps.audit_reader.trusted_keys import trusted_verifiers
found = [f.sentence for log in Log.objects.all() for f in check(log_id=log.pk, verifiers=trusted_verifiers())]
print(json.dumps({"found": found, "size": sum(log.size for log in Log.objects.all())}))
"""


def test_random_kills_lose_no_record(system, client, objects):  # noqa: F811  the fixture
    random.seed(4711)
    with system.auditor() as connection:  # of tests that alter a record on purpose
        earlier = [row[0] for row in connection.execute("SELECT id FROM audit_incident")]
    names = [name for name in system.processes() if name != "web6"]
    killed = []
    with Load(acts(client, objects), threads=CLIENTS) as load:
        load.wait_good(30)
        while len(killed) < KILLS:
            name = random.choice(names)
            if system.processes()[name].get("state") == "running":
                try:
                    system.kill(name)
                except (ProcessLookupError, TypeError):
                    continue
                killed.append(name)
            time.sleep(random.uniform(0.2, 0.8))
    system.wait_healthy()
    answered = {answer.request_id for answer in load.good()}
    assert len(answered) > KILLS, "there was work between the kills"
    missing = answered - system.recorded(answered)
    assert missing == set(), f"{len(missing)} of {len(answered)} released results without a record"
    assert not [answer for answer in load.answers if answer.status not in (0, 200, 409, 503)]
    result = sound_log(system)
    print(f"{len(killed)} kills, {len(answered)} answers of 2xx, {result['size']} records, all logs sound")  # noqa: T201  the figure
    assert result["found"] == []
    with system.auditor() as connection:
        query = "SELECT sentence FROM audit_incident WHERE id <> ALL(%s)"
        assert connection.execute(query, [earlier]).fetchall() == []


def sound_log(system):
    """The check of all logs, once the sequencer has caught up."""
    with system.auditor() as connection:
        query = "SELECT EXISTS (SELECT FROM audit_event e WHERE NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id))"
        wait_until(lambda: not connection.execute(query).fetchone()[0], "numbers for all records", pause=0.3)

    def checked():
        """None while the audit worker is away: it may have been the last one killed."""
        code, output, _ = programs.run(CHECK, settings="audit_command", role="AUDITOR")
        return json.loads(output) if code == 0 else None

    return wait_until(checked, "a check of all logs")


def test_ids_of_requests_are_what_clients_are_told(system, client, objects):  # noqa: F811  the fixture
    """Or the comparison above would prove nothing."""
    answer = client.ask("get", "GET", f"/secrets/{objects}")
    assert answer.request_id == str(uuid.UUID(answer.request_id))
    assert system.recorded({answer.request_id}) == {answer.request_id}
    assert system.recorded({str(uuid.uuid4())}) == set()
