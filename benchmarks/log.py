"""`./portal bench log`: writing, sequencing, checking the audit log; explorer and live tail over a large one.

Writing is measured through `trail.append` as an HSM worker does it: one statement and one commit for all records in
flight. Beside it, in the same run, the limit: a bare INSERT of as many rows of the same size into a table without
indexes. The large log is filled by SQL; its fillers' bodies do not open, as records that were altered do not, but they
cost their decryption; the newest page is real.
"""

import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import django

if __name__ == "__main__" and sys.argv[1:2] != ["explorer"]:
    os.environ["DJANGO_SETTINGS_MODULE"] = "vaultportal.settings.owner"
django.setup()

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402  models exist only now
from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: E402
from django.db import connection  # noqa: E402

from apps.audit_log import sequencer, writer  # noqa: E402
from apps.audit_log.auditverify import Verifier, vkey_of  # noqa: E402
from apps.audit_log.models import Log  # noqa: E402
from apps.audit_log.records import Record  # noqa: E402
from apps.audit_reader.log_verification import check  # noqa: E402
from apps.core.clock import now  # noqa: E402
from apps.core.principals import RequestContext  # noqa: E402
from apps.domain.access.audit_records import make_record  # noqa: E402
from apps.domain.access.grants import Scope  # noqa: E402

ROUNDS = 5
SECONDS = 2.0
IN_FLIGHT = (1, 8, 32)
CHECKED = 100_000
FILLED = int(os.environ.get("LOG_ROWS", "10000000"))
GOAL_MS = 400.0
PAGES = {
    "explorer, newest": "/records",
    "explorer, one vault": "/records?vault=demo-europe",
    "explorer, one caller": "/records?caller=bench-7",
    "explorer, one object": "/records?object=keys/bench-42",
    "explorer, refused": "/records?status=refused",
    "explorer, one operation, 90 days": "/records?operation=KeyPurge&last=90d",
}
_FILL = """
INSERT INTO audit_event (id, log_id, at, operation, phase, status, request_id, caller, object, address, writer, number,
                         key_id, commitment, sealed)
SELECT (lpad(to_hex(((extract(epoch FROM now()) - 864000 + i * 863000.0 / %(rows)s) * 1000)::bigint), 12, '0')
        || '7' || substr(md5(i::text), 1, 19))::uuid,
    %(log)s, now() - interval '10 days' + i * interval '863000 seconds' / %(rows)s,
    (ARRAY['KeySign','KeySign','KeySign','SecretGet','KeyDecrypt','KeyGet'])[1 + i %% 6],
    'outcome', CASE WHEN i %% 500 = 0 THEN 403 ELSE 200 END, md5('r' || i)::uuid,
    (%(callers)s::bigint[])[1 + i %% 50], (%(objects)s::bigint[])[1 + i %% 1000], 7, %(writer)s, i, t.key_id,
    t.commitment, t.sealed
FROM generate_series(%(first)s::bigint, %(last)s::bigint) i,
    (SELECT key_id, commitment, sealed FROM audit_event WHERE log_id = %(log)s LIMIT 1) t
"""


def main() -> int:
    """Exit 1 when a page or the live tail misses its goal."""
    print("| records in flight | records/s | slowest - fastest round | bare INSERT, rows/s | ratio |")
    print("|---|---|---|---|---|")
    for size in IN_FLIGHT:
        _writing(size)
    _sequencing_and_checking()
    return _explorer()


def _record(number: int, log: uuid.UUID) -> Record:
    context = RequestContext(request_id=uuid.uuid4(), address="192.0.2.1", user_agent="benchmark", uri="/keys/k/sign")
    return make_record(
        None,
        Scope(log, "bench"),
        context,
        operation="KeySign",
        phase="outcome",
        status=200,
        object_id=f"keys/bench-{number % 1000}/{uuid.uuid4().hex}",
        algorithm="PS256",
    )


def _writing(size: int) -> None:
    log = uuid.uuid4()
    payload = os.urandom(570)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_bare (id uuid, payload bytea)")

    def ours() -> None:
        writer.append([_record(number, log) for number in range(size)])

    def bare() -> None:
        with connection.cursor() as cursor:
            ids = [uuid.uuid4() for _ in range(size)]
            cursor.execute("INSERT INTO bench_bare SELECT unnest(%s::uuid[]), %s", [ids, payload])

    rounds = [(_rate(ours) * size, _rate(bare) * size) for _ in range(ROUNDS)]
    own, limit = sorted(row[0] for row in rounds), statistics.median(row[1] for row in rounds)
    median = statistics.median(own)
    print(f"| {size} | {median:,.0f} | {own[0]:,.0f} - {own[-1]:,.0f} | {limit:,.0f} | {median / limit:.2f} |")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_bare")


def _rate(act: Callable[[], None]) -> float:
    started, count = time.perf_counter(), 0
    while (took := time.perf_counter() - started) < SECONDS:
        act()
        count += 1
    return count / took


def _sequencing_and_checking() -> None:
    """A log of its own, by a sequencer of its own; the system's waits until the backlog is written."""
    log, key = uuid.uuid4(), ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    signer = sequencer.Signer("bench", spki, lambda digests: [key.sign(digest, algorithm) for digest in digests])
    verifiers = [Verifier.parse(vkey_of("bench", spki)), *_own_verifiers()]
    holder = connection.copy()
    with closing(holder):  # nothing is sequenced above the transaction that holds the row
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute("SELECT id FROM audit_cursor WHERE id = 1 FOR UPDATE")
        for start in range(0, CHECKED, 1000):
            writer.append([_record(number, log) for number in range(start, start + 1000)])
        holder.rollback()
    started = time.perf_counter()
    while not (row := Log.objects.filter(pk=log).first()) or row.size < CHECKED:  # the audit worker may take a round
        sequencer.sequence(signer=signer, now=now())
    rate = CHECKED / (time.perf_counter() - started)
    print(f"\nsequenced: {rate:,.0f} records/s ({CHECKED:,} records, with HSM signing left out)")
    started = time.perf_counter()
    found = check(log_id=log, verifiers=verifiers)
    rate = CHECKED / (time.perf_counter() - started)
    print(f"server's check: {rate:,.0f} records/s, {len(found)} findings")


def _own_verifiers() -> list[Verifier]:
    return [Verifier.parse(line) for line in Path(os.environ["AUDIT_VKEY_FILE"]).read_text().splitlines()]


def _explorer() -> int:
    started = time.perf_counter()
    _fill()
    print(f"\nfilled with {FILLED:,} records in {time.perf_counter() - started:.0f} s")
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "vaultportal.settings.auditor_web",
        "DATABASE_URL": os.environ["AUDITOR_DATABASE_URL"],
    }
    return subprocess.run([sys.executable, "-m", "benchmarks.log", "explorer"], env=environment, check=False).returncode


def _fill() -> None:
    """As the owner, the indexes made again afterwards: ten million one by one would take an hour."""
    from apps.audit_log.sealing import tag_of  # noqa: PLC0415  here alone

    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM vaults_vault WHERE name = 'demo-europe'")
        log = cursor.fetchone()[0]
        cursor.execute("SELECT audit_make_days((now() - interval '11 days')::date, 12)")
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'audit_event' AND indexname !~ 'pkey'"
        )
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        values = {
            "log": log,
            "rows": FILLED,
            "writer": uuid.uuid4(),
            "callers": [tag_of("caller", f"bench-{n}") for n in range(50)],
            "objects": [tag_of("object", f"keys/bench-{n}") for n in range(1000)],
        }
        for first in range(1, FILLED + 1, 1_000_000):
            cursor.execute(_FILL, {**values, "first": first, "last": min(first + 999_999, FILLED)})
        for _, definition in indexes:
            cursor.execute(definition.replace(" ON ONLY ", " ON "))
        cursor.execute(
            "INSERT INTO audit_minutecount SELECT %s, date_trunc('minute', now()) - i * interval '1 minute', 700, 3 "
            "FROM generate_series(1, 14400) i ON CONFLICT DO NOTHING",
            [log],
        )
        cursor.execute("ANALYZE audit_event")
        cursor.execute("ANALYZE audit_minutecount")


def explorer() -> int:
    """In a process with the auditors' settings and database role, inside Django's handler."""
    from django.conf import settings  # noqa: PLC0415  of the other process

    from apps.domain.identity.models import User  # noqa: PLC0415
    from benchmarks import tail  # noqa: PLC0415
    from benchmarks.pages import client_of  # noqa: PLC0415

    user = User.objects.get(username=os.environ["PORTAL_USER_AUDITOR"])
    client = client_of(user)
    host = f"audit.{settings.VAULT_SUFFIX}:{settings.OWN_PORT}"
    print("\n| page | p50, ms | p95, ms | goal, ms |\n|---|---|---|---|")
    missed = 0
    for name, path in PAGES.items():
        times = []
        for _ in range(41):
            started = time.perf_counter()
            answer = client.get(path, secure=True, headers={"host": host})
            times.append((time.perf_counter() - started) * 1000)
            if answer.status_code != 200:
                sys.exit(f"{path} answered {answer.status_code}")
        p95 = statistics.quantiles(times[1:], n=20)[-1]
        missed += p95 > GOAL_MS
        print(f"| {name} | {statistics.median(times[1:]):.0f} | {p95:.0f} | {GOAL_MS:.0f} |")
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    return max(tail.main(cookies), 1 if missed else 0)


if __name__ == "__main__":
    sys.exit(explorer() if sys.argv[1:2] == ["explorer"] else main())
