"""Waiting until the running system has written what it counts, or numbered what it recorded: it does so once a second."""

import os

import psycopg

from tests.support.waiting import wait_until


def _wait(query, values, what):
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        wait_until(lambda: owner.execute(query, values).fetchone()[0], what)


def wait_explainable(request_id):
    """Until the denial can be explained; what was counted before it is written then."""
    _wait("SELECT EXISTS (SELECT FROM usage_refusal WHERE request_id = %s)", [request_id], "a denial that is kept")


def wait_counted(vault, operation, name):
    """Until a use of a vault's key, secret or certificate is counted."""
    query = (
        "SELECT EXISTS (SELECT FROM usage_usecount u JOIN vaults_vault v ON v.id = u.vault_id "
        "WHERE v.name = %s AND u.operation = %s AND split_part(u.object_id, '/', 2) = %s)"
    )
    _wait(query, [vault, operation, name], f"a count of {operation}")


def wait_numbered():
    """Until each record of now has its number in its log."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        now = owner.execute("SELECT now()").fetchone()[0]
    query = (
        "SELECT NOT EXISTS (SELECT FROM audit_event e WHERE e.at <= %s "
        "AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id))"
    )
    _wait(query, [now], "numbers for all records")
