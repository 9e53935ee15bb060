"""A small line-of-business application: a store of encrypted documents, used by several instances at the same time.

    python document_store.py DATABASE --key https://europe.vault.example/keys/documents --key https://america…

An instance writes and reads documents until its standard input ends. A line `refresh` stands for
the event of a new key version. At the end it prints what it did, as JSON.
"""

import argparse
import itertools
import json
import os
import sqlite3
import sys
import threading
from collections.abc import Iterator

from azure.identity import ClientSecretCredential

from vaultportal_client import EnvelopeClient, EnvelopeError, Limits
from vaultportal_client.rewrapping import Outcome, Rewrapper

_TABLE = "CREATE TABLE IF NOT EXISTS document (id TEXT PRIMARY KEY, content BLOB NOT NULL)"


class DocumentStore:
    """Documents in SQLite. A document's id is its context: a row that was moved to another id does not open."""

    def __init__(self, path: str, client: EnvelopeClient) -> None:
        self._client = client
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = wal")
        self._database.execute("PRAGMA synchronous = off")  # a sample; a store of records would not
        self._database.execute(_TABLE)

    def put(self, document: str, content: str) -> None:
        """Store a document."""
        sealed = self._client.encrypt(content.encode(), context=document.encode())
        self._database.execute("INSERT OR REPLACE INTO document VALUES (?, ?)", (document, sealed))

    def get(self, document: str) -> str:
        """Read a document. Raises `KeyError`, `EnvelopeError`."""
        row = self._database.execute("SELECT content FROM document WHERE id = ?", (document,)).fetchone()
        if row is None:
            raise KeyError(document)
        return self._client.decrypt(row[0], context=document.encode()).decode()

    def documents(self, *, after: str = "") -> Iterator[tuple[str, bytes]]:
        """The ids and ciphertexts after an id, in order, a page at a time."""
        while page := self._database.execute(
            "SELECT id, content FROM document WHERE id > ? ORDER BY id LIMIT 100", (after,)
        ).fetchall():
            yield from page
            after = page[-1][0]

    def rewrap(self, *, after: str = "") -> Iterator[Outcome[str]]:
        """Move all documents under the newest versions. The id of an outcome is where a later run can continue.

        A document that an instance wrote in the meantime is left: it is under the newest versions already.
        """

        def store(document: str, previous: bytes, renewed: bytes) -> None:
            statement = "UPDATE document SET content = ? WHERE id = ? AND content = ?"
            self._database.execute(statement, (renewed, document, previous))

        return Rewrapper(self._client).items(self.documents(after=after), store)


def sign_in() -> ClientSecretCredential:
    """The credential of the application from its environment."""
    return ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        os.environ["AZURE_CLIENT_SECRET"],
        authority=os.environ["PORTAL_AUTHORITY"],
        disable_instance_discovery=True,
    )


def _work(store: DocumentStore, client: EnvelopeClient, ended: threading.Event) -> dict[str, object]:
    """Write a document, read an earlier one, and so on; count what failed."""
    done, failed, versions, errors = 0, 0, set[str](), list[str]()
    for number in itertools.count():
        if ended.is_set():
            return {"done": done, "failed": failed, "versions": sorted(versions), "errors": errors[:5]}
        document, earlier = f"{os.getpid()}-{number:06}", f"{os.getpid()}-{number // 2:06}"
        try:
            store.put(document, f"content of {document}")
            versions.update(client.key_ids())
            correct = store.get(earlier) == f"content of {earlier}"
        except EnvelopeError as error:
            correct = False
            errors.append(str(error))
        done, failed = done + 1, failed + (not correct)
    raise AssertionError("a count does not end")


def main() -> int:
    """Run one instance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database")
    parser.add_argument("--key", action="append", required=True)
    options = parser.parse_args()
    ended = threading.Event()
    # With short ages an instance of the sample uses many data keys; an application should use the defaults.
    limits = Limits(max_age=2.0, version_check=1.0, opened_age=2.0)
    with EnvelopeClient(options.key, sign_in(), limits=limits) as client:

        def listen() -> None:
            for line in sys.stdin:
                if line.strip() == "refresh":
                    client.refresh()
            ended.set()

        threading.Thread(target=listen, daemon=True).start()
        print(json.dumps(_work(DocumentStore(options.database, client), client, ended)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
