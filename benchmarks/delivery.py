"""`./portal bench delivery`: how old a record is when its owner's storage has it, under load.

A directory takes the log of one vault while eight clients sign for a minute. Each record's age is the moment its
segment was confirmed less the moment it was made. The goal: 99 of 100 within 60 s.
"""

import base64
import os
import statistics
import sys
import threading
import time

import psycopg
import urllib3

from benchmarks.listing import _token

SECONDS, CLIENTS = 60.0, 8
GOAL = 60.0
_VERSION = "api-version=7.6"
_AGES = """
    SELECT extract(epoch FROM s.delivered - e.at) FROM delivery_deliveredsegment s
    JOIN delivery_logdestination d ON d.id = s.destination_id
    JOIN audit_leaf l ON l.log_id = d.vault_id AND l.seq BETWEEN s.first AND s.last
    JOIN audit_event e ON e.id = l.event_id
    WHERE s.delivered IS NOT NULL AND e.at >= to_timestamp(%s) ORDER BY 1
"""


def main() -> int:
    """Exit 1 when the goal is missed."""
    http = urllib3.PoolManager(ca_certs=os.environ["PORTAL_CA"], retries=False, timeout=70, maxsize=CLIENTS)
    headers = {"Authorization": f"Bearer {_token(http)}", "Content-Type": "application/json"}
    vault = os.environ["VAULT_URL"]
    name = vault.split("//")[1].split(".")[0]
    _set_destination(http, name)
    http.request("POST", f"{vault}/keys/bench-late/create?{_VERSION}", body=b'{"kty":"EC-HSM"}', headers=headers)
    began, until, done = time.time(), time.monotonic() + SECONDS, []
    digest = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
    body = f'{{"alg":"ES256","value":"{digest}"}}'.encode()

    def sign() -> None:
        while time.monotonic() < until:
            answer = http.request("POST", f"{vault}/keys/bench-late/sign?{_VERSION}", body=body, headers=headers)
            done.append(answer.status)

    threads = [threading.Thread(target=sign) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ages = _ages(began, len(done))
    p99 = ages[int(len(ages) * 0.99)]
    print("| records | records/s | p50, s | p99, s | slowest, s | goal, s |\n|---|---|---|---|---|---|")
    median = statistics.median(ages)
    print(f"| {len(ages):,} | {len(ages) / SECONDS:,.0f} | {median:.1f} | {p99:.1f} | {ages[-1]:.1f} | {GOAL:.0f} |")
    return 1 if p99 > GOAL or len(ages) < done.count(200) else 0


def _set_destination(http: urllib3.PoolManager, name: str) -> None:
    user, password = os.environ["PORTAL_USER_SECOPS"], os.environ["PORTAL_PASSWORD_SECOPS"]
    basic = urllib3.make_headers(basic_auth=f"{user}:{password}")
    url = f"{os.environ['PORTAL_URL']}/api/v1/vaults/{name}/log-destination"
    answer = http.request("PUT", url, json={"kind": "directory", "settings": {"path": "bench"}}, headers=basic)
    if answer.status not in {200, 201}:
        sys.exit(f"the destination was not taken: {answer.status} {answer.data[:300]!r}")


def _ages(began: float, expected: int) -> list[float]:
    """Once everything has arrived, or a minute later."""
    until = time.monotonic() + GOAL
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        while True:
            ages = [float(row[0]) for row in database.execute(_AGES, [began]).fetchall()]
            if len(ages) >= expected or time.monotonic() > until:
                return ages
            time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
