"""Constraints on the values of every table, applied by `manage.py apply_privileges`.

A value that PostgreSQL stores and Python cannot read (an infinite time, a number of 5 000 digits, JSON that is nested
a thousand times) stops every process that reads the row with others. No column of a table that a serving role writes
can hold one, whatever statement writes it. `audit_event` has constraints of its own (apps/audit_log/migrations).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

OWN_CONSTRAINTS = frozenset({"audit_event"})
PREFIX = "readable_values_"
_LARGEST = 16 << 20  # bytes of a value: more than any that we store, and no reader runs out of memory by one
_DEEPEST_JSON = 64
_LARGEST_NUMBER = "1e300"
# The condition on a column, by its type in information_schema. The times are those of Python's datetime, in UTC.
_RULES = {
    "timestamp with time zone": "{0} >= '0001-01-01 00:00:00+00' AND {0} < '10000-01-01 00:00:00+00'",
    "date": "{0} >= '0001-01-01' AND {0} < '10000-01-01'",
    "double precision": "{0} > '-Infinity' AND {0} < 'Infinity'",
    "numeric": "{0} > '-Infinity' AND {0} < 'Infinity'",
    "jsonb": f"octet_length({{0}}::text) <= {_LARGEST} "
    f"AND NOT jsonb_path_exists({{0}}, 'strict $.**{{{{{_DEEPEST_JSON}}}}}') "
    f"AND NOT jsonb_path_exists({{0}}, '$.** ? (@ > {_LARGEST_NUMBER} || @ < -{_LARGEST_NUMBER})')",
    "text": f"octet_length({{0}}) <= {_LARGEST}",
    "bytea": f"octet_length({{0}}) <= {_LARGEST}",
}
_REPLACE = """
DO $$
DECLARE old text;
BEGIN
    FOR old IN SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND conname LIKE '{prefix}%' LOOP
        EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', old);
    END LOOP;
    ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule}) NOT VALID;
    BEGIN
        ALTER TABLE {table} VALIDATE CONSTRAINT {name};
    EXCEPTION WHEN check_violation THEN
        RAISE WARNING '{table} has rows with values that no process can read. The constraint holds for new rows.';
    END;
END $$
"""


class Column(NamedTuple):
    """A column of a table of ours, as information_schema has it."""

    table: str
    name: str
    type: str


def constraints(columns: Iterable[Column]) -> dict[str, tuple[str, str]]:
    """Return by table the name and the condition of its constraint. The name changes with the condition."""
    rules: dict[str, list[str]] = defaultdict(list)
    for column in columns:
        if column.type in _RULES and column.table not in OWN_CONSTRAINTS:
            rules[column.table].append(_RULES[column.type].format(f'"{column.name}"'))
    return {table: _named(" AND ".join(parts)) for table, parts in rules.items()}


def statements(columns: Iterable[Column], existing: Collection[tuple[str, str]]) -> list[str]:
    """Return the SQL that adds the constraints. `existing`: (table, name) of those that are there already."""
    return [
        _REPLACE.format(table=table, name=name, rule=rule, prefix=PREFIX)
        for table, (name, rule) in constraints(columns).items()
        if (table, name) not in existing
    ]


def _named(rule: str) -> tuple[str, str]:
    return PREFIX + hashlib.sha256(rule.encode()).hexdigest()[:12], rule
