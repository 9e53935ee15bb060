"""Caches whose entries count until they change, and what counts while changes cannot be followed."""

import threading
import time

import pytest
from django.db import connection

from apps.core.change_feed import _MOST_NOTES, TRUST_SECONDS, ChangeFeed, Topic, delete_old
from apps.core.leased_cache import LeasedCache
from apps.core.sql import execute, select_value

OLD = time.monotonic() - 100


def counting(values):
    seen = iter(values)
    return lambda: next(seen)


@pytest.fixture
def cache():
    made = LeasedCache(Topic.VAULTS, maxsize=2)
    yield made
    LeasedCache._caches.remove(made)


def test_an_entry_counts_for_less_than_a_second_when_changes_are_not_followed(cache, a_second_later):
    load = counting([1, 2, 3])
    assert [cache.get("a", load) for _ in range(3)] == [1, 1, 1]
    a_second_later()
    assert cache.get("a", load) == 2
    cache.invalidate("a")
    assert cache.get("a", load) == 3


def test_a_failure_is_not_cached(cache):
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert cache.get("a", lambda: 5) == 5


def test_threads_that_want_the_same_row_load_it_once(cache):
    loading, go_on, loads = threading.Event(), threading.Event(), []

    def load():
        loads.append(1)
        loading.set()
        assert go_on.wait(10)
        return "row"

    found = []
    threads = [threading.Thread(target=lambda: found.append(cache.get("a", load))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert loading.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert found == ["row"] * 5
    assert len(loads) == 1


def test_nobody_waits_for_a_load_that_began_a_second_ago(cache, monkeypatch):
    """It may have read the row before a revocation, and be slow since then."""

    def slow():
        later = time.monotonic() + TRUST_SECONDS
        monkeypatch.setattr("apps.core.change_feed.time.monotonic", lambda: later)
        assert cache.get("a", lambda: "read after it") == "read after it"
        return "read before a revocation"

    assert cache.get("a", slow) == "read before a revocation"
    assert cache.get("a", lambda: "newer") == "read after it", "what is newer stays"


def test_what_was_loaded_before_an_invalidation_is_not_cached_after_it(cache):
    def load():
        cache.invalidate("a")
        return "old"

    assert cache.get("a", load) == "old"
    assert cache.get("a", lambda: "new") == "new"


@pytest.fixture
def feed():
    """One that reads when the test says so."""
    feed = ChangeFeed()
    feed._thread = threading.current_thread()
    return feed


def note(topic):
    execute("INSERT INTO core_change (topic) VALUES (%s) ON CONFLICT DO NOTHING", [topic])


@pytest.mark.django_db(transaction=True)
def test_an_old_entry_counts_until_its_topic_changes(feed):
    feed.read()
    loaded = time.monotonic()
    feed.read()
    assert feed.counts(Topic.ROLES, loaded, leased=True)
    assert not feed.counts(Topic.ROLES, OLD, leased=True), "loaded before changes were followed"
    note(Topic.ROLES)
    feed.read()
    assert not feed.counts(Topic.ROLES, loaded, leased=True)
    assert feed.counts(Topic.VAULTS, loaded, leased=True)
    again = time.monotonic()
    feed.read()
    assert feed.counts(Topic.ROLES, again, leased=True), "the same note, read again"


@pytest.mark.django_db(transaction=True)
def test_nothing_old_counts_without_a_good_reading(feed, monkeypatch):
    feed.read()
    loaded = time.monotonic()
    later = loaded + TRUST_SECONDS + 0.1
    monkeypatch.setattr("apps.core.change_feed.time.monotonic", lambda: later)
    assert not feed.counts(Topic.ROLES, loaded, leased=True)
    assert feed.counts(Topic.ROLES, later - 0.5, leased=True)
    feed.read()
    assert feed.counts(Topic.ROLES, loaded, leased=True)
    assert not feed.counts(Topic.ROLES, loaded, leased=False)
    feed.stop_trusting()
    feed.read()
    assert not feed.counts(Topic.ROLES, loaded, leased=True), "the database may be another one"


@pytest.mark.django_db(transaction=True)
def test_a_change_counts_that_was_committed_after_a_later_one_was_read(feed):
    """A sequence number would pass over it."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("INSERT INTO core_change (topic) VALUES (%s)", [Topic.ROLES])
            note(Topic.VAULTS)
            feed.read()
            feed.read()
            loaded = time.monotonic()
            feed.read()
            assert feed.counts(Topic.ROLES, loaded, leased=True), "it is not committed yet"
            other.commit()
        feed.read()
        assert not feed.counts(Topic.ROLES, loaded, leased=True)
        assert feed.counts(Topic.VAULTS, loaded, leased=True)
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_a_flood_of_notes_is_not_read_and_lets_entries_expire(feed):
    """A held transaction id keeps all later notes in each reading."""
    holder = connection.copy()
    try:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        feed.read()
        loaded = time.monotonic()
        feed.read()
        assert feed.counts(Topic.ROLES, loaded, leased=True)
        flood = (
            "SELECT ((pg_current_xact_id()::text)::bigint + n)::text::xid8, 'vaults' FROM generate_series(1, %s) AS n"
        )
        execute(f"INSERT INTO core_change (xid, topic) {flood}", [_MOST_NOTES + 1])
        feed.read()
        assert not feed._known, "notes that a process keeps are bounded"
        assert feed._read_at == float("-inf"), "entries expire"
        assert not feed.counts(Topic.ROLES, time.monotonic() - TRUST_SECONDS, leased=True)
    finally:
        holder.close()
        execute("DELETE FROM core_change")
    feed.read()
    loaded = time.monotonic()
    feed.read()
    assert feed.counts(Topic.ROLES, loaded, leased=True), "changes are followed again after the flood"


@pytest.mark.django_db(transaction=True)
def test_notes_are_deleted_after_an_hour_only():
    execute("DELETE FROM core_change")
    note(Topic.ROLES)
    old = "('1', 'vaults', now() - interval '61 minutes'), ('2', 'vaults', now() - interval '61 minutes')"
    execute(f"INSERT INTO core_change (xid, topic, at) VALUES {old}")
    assert delete_old() == 0, "an hour counts from the first sweep that saw the note"
    execute("UPDATE core_change SET seen = seen - interval '61 minutes' WHERE xid IN ('1', '2')")
    assert delete_old() == 2
    assert select_value("SELECT count(*) FROM core_change") == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_old_counts_after_a_gap_in_which_notes_may_have_been_deleted(feed):
    feed.read()
    loaded = time.monotonic()
    feed.read()
    assert feed.counts(Topic.ROLES, loaded, leased=True)
    feed._clock -= 601  # the database's clock went on, ours did not
    feed.read()
    feed.read()
    assert not feed.counts(Topic.ROLES, OLD, leased=True)
    assert feed._began > loaded, "what was loaded before the gap is read again"
