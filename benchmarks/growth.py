"""`./portal bench growth`: what a signature and a read of a secret cost while the installation grows.

Rows are added by SQL, as `fill.py` adds them: nobody asks for them, but they lie in the tables and indexes of every
request. Each figure is the median of the rounds, in CPU milliseconds of all our processes. `LARGEST`: leave out larger
numbers.
"""

import os
from collections.abc import Callable
from statistics import median

import psycopg

from benchmarks import fill
from benchmarks.portal import Portal
from benchmarks.scenarios import CONNECTIONS, SCENARIOS, Round

_ROWS = ("ec-sign", "secret-get", "secret-set")
_ROUNDS, _SECONDS = 3, 3
_LARGEST_SLOWDOWN = 1.25  # of the last size beside the first, in CPU
_VAULTS = """
    INSERT INTO vaults_vault
    SELECT (jsonb_populate_record(v, jsonb_build_object(
        'id', md5('vault ' || i)::uuid, 'name', 'filler-' || i, 'key_id', null, 'state', 'failed'))).*
    FROM vaults_vault v, generate_series(%(first)s::int, %(last)s::int) i WHERE v.name = 'demo-europe'
"""
_APPLICATIONS = """
    WITH people AS (
        INSERT INTO identity_user
        SELECT (jsonb_populate_record(u, jsonb_build_object(
            'id', md5('application ' || i)::uuid, 'username', 'filler-' || i))).*
        FROM identity_user u JOIN identity_applicationidentity a ON a.user_id = u.id,
            generate_series(%(first)s::int, %(last)s::int) i WHERE a.client_id = %(client)s)
    INSERT INTO identity_applicationidentity (user_id, client_id, name, created)
    SELECT md5('application ' || i)::uuid, md5('client ' || i)::uuid, 'filler-' || i, now()
    FROM generate_series(%(first)s::int, %(last)s::int) i
"""
# The first ten thousand at the vault that is measured, the others at other vaults.
_ASSIGNMENTS = """
    INSERT INTO guardian_userobjectpermission (object_pk, content_type_id, permission_id, user_id)
    SELECT CASE WHEN i <= 10000 THEN p.object_pk ELSE md5('vault ' || i / 10000)::uuid::text END,
        p.content_type_id, p.permission_id, md5('application ' || 1 + i %% 10000)::uuid
    FROM (SELECT o.* FROM guardian_userobjectpermission o
            JOIN identity_applicationidentity a ON a.user_id = o.user_id
            JOIN vaults_vault v ON v.id::text = o.object_pk AND v.name = 'demo-europe'
            WHERE a.client_id = %(client)s LIMIT 1) p,
        generate_series(%(first)s::int, %(last)s::int) i
"""
_SIZES: dict[str, tuple[int, ...]] = {
    "keys, as many secrets": (10, 1_000, 100_000, 1_000_000),
    "vaults": (10, 1_000, 10_000),
    "applications": (10, 1_000, 10_000),
    "role assignments": (10, 1_000, 100_000),
}
_LARGEST = int(os.environ.get("LARGEST", "1000000"))
_STATEMENTS = {"vaults": _VAULTS, "applications": _APPLICATIONS, "role assignments": _ASSIGNMENTS}


def main() -> int:
    """Exit 1 when a row costs much more at the largest size than at the smallest."""
    portal = Portal(_ROWS)
    head = " | ".join(f"{SCENARIOS[row]}, ms (p50, ms)" for row in _ROWS)
    print(f"| | number | {head} |")
    print("|---|---:|" + "---:|" * len(_ROWS))
    grown = True
    for what, sizes in _SIZES.items():
        costs: list[list[float]] = []
        for before, size in zip((0, *sizes), (size for size in sizes if size <= _LARGEST), strict=False):
            add(what, first=before + 1, last=size)
            rounds = {row: _measure(portal, row) for row in _ROWS}
            costs.append([_median(each, _cpu) for each in rounds.values()])
            cells = [f"{_median(each, _cpu):.2f} ({_median(each, _p50):.1f})" for each in rounds.values()]
            print(f"| {what} | {size:,} | " + " | ".join(cells) + " |", flush=True)
        grown &= all(last <= _LARGEST_SLOWDOWN * first for first, last in zip(costs[0], costs[-1], strict=True))
    print(f"\nGoal, at most {_LARGEST_SLOWDOWN} x the CPU of the smallest: {'reached' if grown else 'NOT REACHED'}")
    return 0 if grown else 1


def add(what: str, *, first: int, last: int) -> None:
    """Insert rows with these numbers. `what`: a key of `_SIZES`."""
    if what not in _STATEMENTS:
        fill.fill(first=first, last=last)
        return
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        names = {"first": first, "last": last, "client": os.environ["AZURE_CLIENT_ID"]}
        database.execute(_STATEMENTS[what], names)
        database.execute("VACUUM ANALYZE")


def _measure(portal: Portal, row: str) -> list[Round]:
    portal.measure(row, seconds=1, connections=CONNECTIONS)
    return [portal.measure(row, seconds=_SECONDS, connections=CONNECTIONS) for _ in range(_ROUNDS)]


def _median(rounds: list[Round], figure: Callable[[Round], float]) -> float:
    return median(map(figure, rounds))


def _cpu(round_: Round) -> float:
    return sum(round_.cpu_per_request(group) for group in round_.cpu if group != "wrk")


def _p50(round_: Round) -> float:
    return round_.p50


if __name__ == "__main__":
    raise SystemExit(main())
