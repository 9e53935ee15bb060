"""The feed of the running system: a reader without an inbound port gets an event while it waits."""

import threading
import time

import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


def test_a_reader_gets_an_event_while_it_waits(stack, management, secrets_of_new_vault):
    url, secrets = secrets_of_new_vault
    http, headers = stack.http(), {"Authorization": f"Bearer {stack.token()}"}

    def read(**query):
        parameters = {"api-version": "2026-04-01", **query}
        answer = http.request("GET", f"{url}/events", fields=parameters, headers=headers)
        assert answer.status == 200, answer.data
        return answer.json()

    begin = read()["after"]
    started = time.monotonic()
    assert read(after=begin, timeout=2)["value"] == []
    assert 2 <= time.monotonic() - started < 10
    found = []
    reader = threading.Thread(target=lambda: found.append((read(after=begin, timeout=20), time.monotonic())))
    reader.start()
    time.sleep(1)
    version = secrets.set_secret("password", "x").properties.version
    done = time.monotonic()
    reader.join()
    (answer, arrived), (event,) = found[0], found[0][0]["value"]
    assert (event["data"]["ObjectName"], event["data"]["Version"]) == ("password", version)
    assert arrived - done < 3
    secrets.get_secret("password")

    def acknowledged():
        path = f"{url}/secrets/password/{version}/acknowledge?api-version=2026-04-01"
        return http.request("POST", path, headers=headers).status == 200

    wait_until(acknowledged, "the count of the use", pause=0.3)
    assert read(after=answer["after"])["value"] == []
