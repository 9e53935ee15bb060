"""Connections to the test database as the roles of the processes."""

import os
from contextlib import contextmanager

import psycopg
from django.db import connection
from psycopg.pq import TransactionStatus

from vaultportal.database_privileges import ROLES

OWNER = "vault_owner"


def connect(role):
    """A connection as a role. What it does is rolled back, unless the test commits."""
    name = "DATABASE_URL" if role == OWNER else f"{role.removeprefix('vault_').upper()}_DATABASE_URL"
    return psycopg.connect(os.environ[name], dbname=connection.settings_dict["NAME"])


@contextmanager
def connected(*roles):
    """Connections by role."""
    connections = {role: connect(role) for role in roles or (*ROLES, OWNER)}
    try:
        yield connections
    finally:
        for each in connections.values():
            each.close()


def attempt(connected, statement, values=()):
    """Run a statement in a transaction that goes on after it. None, or the error."""
    if connected.info.transaction_status == TransactionStatus.IDLE:
        connected.execute("SELECT")  # else the block below would be the whole transaction, and commit
    try:
        with connected.transaction():
            connected.execute(statement, values)
    except psycopg.Error as error:
        return error
    return None
