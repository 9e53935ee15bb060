"""A line-of-business application in two instances, with one key in two vaults of two security worlds, is rolled under load."""

import sqlite3
import sys
from contextlib import closing

import pytest

from tests.client_library.instances import LIBRARY, running
from tests.support.waiting import wait_until
from vaultportal_client import EnvelopeClient
from vaultportal_client.envelope import split_header
from vaultportal_client.wire_format import parse_header

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def sample():
    """The module of the sample."""
    sys.path.insert(0, str(LIBRARY / "samples"))
    import document_store

    yield document_store
    sys.path.remove(str(LIBRARY / "samples"))


def documents(path):
    """The ids and the versions that they are under."""
    with closing(sqlite3.connect(path, timeout=60)) as database:
        rows = database.execute("SELECT id, content FROM document ORDER BY rowid").fetchall()
    return {document: key_ids(content) for document, content in rows}


def key_ids(ciphertext):
    return [copy.key_id for copy in parse_header(split_header(ciphertext)[0]).copies]


def test_a_rollover_under_load_fails_no_call_and_all_content_stays_readable(sample, regions, credential, tmp_path):
    path = tmp_path / "documents.sqlite"
    with running(2, path, regions.identifiers) as instances:
        wait_for(path, 200)
        newest = regions.rotate()
        for instance in instances:
            instance.refresh()
        wait_until(
            lambda: sum(ids == newest for ids in documents(path).values()) > 200, "documents under the new version"
        )
        done = [instance.stop() for instance in instances]
    assert [each["failed"] for each in done] == [0, 0], done
    versions = documents(path)
    assert len(versions) >= 400
    assert only_forward(versions, newest)

    with EnvelopeClient(regions.identifiers, credential) as client:
        store = sample.DocumentStore(str(path), client)
        assert all(store.get(document) == f"content of {document}" for document in versions)
        outcomes = list(store.rewrap())
        assert not [outcome for outcome in outcomes if outcome.error]
        assert set(map(tuple, documents(path).values())) == {tuple(newest)}
        client.forget()
        assert all(store.get(document) == f"content of {document}" for document in versions)


def wait_for(path, count):
    wait_until(lambda: path.exists() and _count(path) > count, "documents")


def _count(path):
    try:
        return len(documents(path))
    except sqlite3.OperationalError:  # the table is not there yet
        return 0


def only_forward(versions, newest):
    """Each instance's documents are under more and more of the newest versions, and in the end under all of them.

    Between the rotations of the two keys an instance may find one new version.
    """
    by_instance = {}
    for document, ids in sorted(versions.items()):
        by_instance.setdefault(document.partition("-")[0], []).append(len(set(ids) & set(newest)))
    return len(by_instance) == 2 and all(
        (counts[0], counts[-1]) == (0, 2) and counts == sorted(counts) for counts in by_instance.values()
    )
