"""Readers wait for events without a slot and without a database connection, in bounded numbers."""

import threading
import uuid

import pytest

from apps.domain.events import waiting
from apps.domain.events.models import VaultPosition
from apps.domain.events.waiting import EventWatch, Outcome, Wait
from apps.interfaces.http_server.vaults_front import VaultsFront
from apps.interfaces.keyvault_api.messages import WAIT
from tests.http_server.test_front import ask, echo
from tests.support.waiting import wait_until


class Waiters:
    """Threads that wait, and their outcomes."""

    def __init__(self, watch):
        self._watch, self.outcomes, self._threads = watch, [], []

    def start(self, wait):
        thread = threading.Thread(target=lambda: self.outcomes.append(self._watch.wait(wait)))
        thread.start()
        self._threads.append(thread)

    def join(self):
        for thread in self._threads:
            thread.join()


@pytest.fixture
def watch(monkeypatch):
    """A watch whose thread is the test's own."""
    made = EventWatch()
    made._thread = threading.current_thread()
    return made


@pytest.mark.django_db
def test_those_wake_whose_vault_has_a_later_event(watch):
    vaults, waiters = [uuid.uuid4() for _ in range(2)], Waiters(watch)
    for vault in vaults:
        waiters.start(Wait(vault, 5, 20.0 if vault is vaults[0] else 0.3))
    wait_until(lambda: len(watch._waiting) == 2, pause=0.01)
    VaultPosition.objects.create(vault_id=vaults[0], last=5)
    watch.look()
    assert len(watch._waiting) == 2
    VaultPosition.objects.update(last=6)
    watch.look()
    waiters.join()
    assert sorted(outcome.name for outcome in waiters.outcomes) == ["NEW", "NOTHING"]
    assert not watch._waiting


def test_who_finds_no_place_is_answered_at_once(watch, monkeypatch):
    monkeypatch.setattr(waiting, "MOST_WAITING", 3)
    monkeypatch.setattr(waiting, "MOST_OF_A_VAULT", 2)
    one, other, waiters = uuid.uuid4(), uuid.uuid4(), Waiters(watch)
    for _ in range(2):
        waiters.start(Wait(one, 0, 1.0))
    wait_until(lambda: len(watch._waiting) == 2, pause=0.01)
    assert watch.wait(Wait(one, 0, 1.0)) is Outcome.NO_PLACE
    waiters.start(Wait(other, 0, 1.0))
    wait_until(lambda: len(watch._waiting) == 3, pause=0.01)
    assert watch.wait(Wait(uuid.uuid4(), 0, 1.0)) is Outcome.NO_PLACE
    waiters.join()
    assert watch.wait(Wait(one, 0, 0.01)) is Outcome.NOTHING


@pytest.mark.django_db
def test_readers_who_wait_take_no_slot_from_requests(settings, monkeypatch):
    """More readers wait than there are slots; another request of the same vault is served meanwhile."""
    settings.DATA_PLANE_SLOTS = 2
    answers, woken = [], threading.Event()

    class Watch:
        def wait(self, _wanted):
            woken.wait(20)
            return Outcome.NEW

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/events" and not woken.is_set():
            environ[WAIT] = Wait(uuid.uuid4(), 0, 20.0)
        return echo(environ, start_response)

    front = VaultsFront(application, portal=pytest.fail)
    monkeypatch.setattr(front, "_watch", Watch())

    def read():
        answers.append(ask(front, "payroll", settings, path="/events", token="Bearer x").status)

    readers = [threading.Thread(target=read) for _ in range(6)]
    for reader in readers:
        reader.start()
    assert ask(front, "payroll", settings, path="/secrets/a", body=b"served", token="Bearer x").body == b"served"
    assert not answers
    woken.set()
    for reader in readers:
        reader.join()
    assert answers == [200] * 6
