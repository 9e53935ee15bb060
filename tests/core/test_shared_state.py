"""What limits guesses is one value for all processes, survives a rollback, and runs no code."""

import pickle
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.core.cache import cache, caches
from django.db import DatabaseError, connection, transaction

from apps.core import shared_state, throttle
from apps.core.clock import now
from apps.core.models import SharedState
from apps.core.shared_state import SharedStore

pytestmark = pytest.mark.django_db(transaction=True)


def another_process():
    """The store as another process has it: nothing in common but the database."""
    return SharedStore("", {})


@pytest.fixture(autouse=True)
def _closed():
    yield
    caches["default"]._disconnect()


def test_the_web_processes_use_it():
    assert isinstance(caches["default"], SharedStore)


def test_another_process_sees_what_this_one_stores():
    cache.set("a", [1.5, "x", True], 30)
    other = another_process()
    assert other.get("a") == [1.5, "x", True]
    other.delete("a")
    assert cache.get("a", "gone") == "gone"
    other._disconnect()


def test_of_many_at_once_one_adds():
    stores = [another_process() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda store: store.add("mark", "y", 30), stores)) == [False] * 7 + [True]
    for store in stores:
        store._disconnect()


def test_what_has_ended_can_be_added_once_more_and_is_not_read():
    assert cache.add("a", 1, 30)
    SharedState.objects.update(expires=now() - timedelta(seconds=1))
    assert cache.get("a") is None
    assert not cache.touch("a", 10)
    with pytest.raises(ValueError):
        cache.incr("a")
    assert (cache.add("a", 2, 30), cache.add("a", 3, 30), cache.get("a")) == (True, False, 2)


def test_counts_of_processes_add_up_to_one_limit():
    """On 0.4 each process had its own ten."""
    source, other = (uuid.uuid4(), "192.0.2.1"), another_process()
    for number in range(throttle.FAILURES):
        assert not throttle.is_throttled(source)
        if number % 2:
            throttle.count_failure(source)
        else:
            key = throttle._key(source)
            assert other.add(key, 1, 60) or other.incr(key)
    assert throttle.is_throttled(source)
    assert not throttle.is_throttled((source[0], "192.0.2.2"))
    other._disconnect()


def test_failures_that_are_counted_at_once_are_all_counted():
    source = (uuid.uuid4(), "192.0.2.1")

    def count(_):
        throttle.count_failure(source)
        caches["default"]._disconnect()  # each thread has a connection of its own

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(40)))
    assert cache.get(throttle._key(source)) == 40


def test_a_request_that_is_rolled_back_was_counted():
    source = (uuid.uuid4(), "192.0.2.1")
    with transaction.atomic():
        throttle.count_failure(source)
        transaction.set_rollback(True)
    assert cache.get(throttle._key(source)) == 1


def test_a_pickle_in_the_table_is_not_run():
    """A writer of this table, such as the role of another process, cannot run code in a reader."""

    class Runs:
        def __reduce__(self):
            return exec, ("raise SystemExit('it ran')",)

    cache.set("a", 1, 30)
    SharedState.objects.update(value=pickle.dumps(Runs(), 0).decode("latin-1"))
    assert isinstance(cache.get("a"), str)
    with pytest.raises(TypeError):
        cache.set("a", Runs(), 30)


def test_names_and_addresses_do_not_stand_in_the_table():
    throttle.count_failure(("käthe", "192.0.2.1"))
    assert all(set(row.key) <= set("0123456789abcdef") for row in SharedState.objects.all())


def test_a_lost_connection_is_made_again():
    cache.set("a", 1, 30)
    store = caches["default"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [store._connection.info.backend_pid])
    assert cache.get("a") == 1


def test_without_a_database_nothing_is_taken_for_not_throttled(monkeypatch):
    def gone(*_, **__):
        raise psycopg.OperationalError("gone")

    caches["default"]._disconnect()
    monkeypatch.setattr(psycopg, "connect", gone)
    with pytest.raises(DatabaseError):
        throttle.is_throttled(("a", "192.0.2.1"))


def test_what_has_ended_is_deleted_and_so_is_what_is_too_much(monkeypatch):
    for number in range(10):
        cache.set(f"k{number}", number, 100 + number)
    SharedState.objects.filter(key=caches["default"]._key("k9", None)).update(expires=now() - timedelta(1))
    assert shared_state.delete_expired(now=now()) == 1
    monkeypatch.setattr(shared_state, "MOST", 5)
    assert shared_state.delete_expired(now=now()) == 4
    assert [cache.get(f"k{number}") for number in range(10)] == [None] * 4 + [4, 5, 6, 7, 8, None]


def test_a_limit_of_the_library_is_shared(rf):
    """The second factor's guesses: ten in five minutes, wherever they are made."""
    from allauth.core.internal import ratelimit

    request = rf.post("/", REMOTE_ADDR="192.0.2.9")
    limit = {"app": "allauth.account", "action": "login_failed", "config": {"login_failed": "3/300s/key"}, "key": "me"}
    assert all(ratelimit.consume(request, **limit) for _ in range(3))
    ours, caches["default"]._connection = caches["default"]._connection, None  # as another process would begin
    assert not ratelimit.consume(request, **limit)
    ours.close()
