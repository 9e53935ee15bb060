"""`./portal bench listing`: 100 000 keys and as many secrets, page by page: does a page cost more towards the end?"""

import json
import os
import statistics
import sys
import time
import urllib.parse

import urllib3

from benchmarks import fill

GOAL = 1.25  # the last tenth of the pages beside the first
_VERSION = "api-version=7.6"


def main() -> int:
    """Exit 1 when a later page is slower than the goal allows."""
    http = urllib3.PoolManager(ca_certs=os.environ["PORTAL_CA"], retries=False, timeout=70)
    headers = {"Authorization": f"Bearer {_token(http)}", "Content-Type": "application/json"}
    vault = os.environ["VAULT_URL"]
    made = (
        http.request("POST", f"{vault}/keys/bench-rsa-0/create?{_VERSION}", body=b'{"kty":"RSA-HSM"}', headers=headers),
        http.request("PUT", f"{vault}/secrets/bench-get-0?{_VERSION}", body=b'{"value":"v"}', headers=headers),
    )
    if any(answer.status != 200 for answer in made):
        sys.exit("the vault did not make the first key and secret")
    fill.fill()
    print("| list | objects | pages | first tenth, ms | last tenth, ms | ratio |")
    print("|---|---|---|---|---|---|")
    ratios = [_walk(http, headers, vault, collection) for collection in ("keys", "secrets")]
    return 0 if max(ratios) <= GOAL else 1


def _walk(http: urllib3.PoolManager, headers: dict[str, str], vault: str, collection: str) -> float:
    link, times, seen = f"{vault}/{collection}?{_VERSION}", [], set()
    while link:
        started = time.perf_counter()
        answer = http.request("GET", link, headers=headers)
        times.append(time.perf_counter() - started)
        page = json.loads(answer.data)
        seen.update(item.get("kid") or item["id"] for item in page["value"])
        link = page["nextLink"]
    tenth = len(times) // 10
    first, last = (statistics.median(part) * 1000 for part in (times[:tenth], times[-tenth:]))
    print(f"| {collection} | {len(seen):,} | {len(times):,} | {first:.2f} | {last:.2f} | {last / first:.2f} |")
    return last / first


def _token(http: urllib3.PoolManager) -> str:
    resource = "https://" + os.environ["VAULT_URL"].split(".", 1)[1]
    fields = {
        "grant_type": "client_credentials",
        "client_id": os.environ["AZURE_CLIENT_ID"],
        "client_secret": os.environ["AZURE_CLIENT_SECRET"],
        "scope": f"{resource}/.default",
    }
    url = f"{os.environ['PORTAL_AUTHORITY']}/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    answer = http.request(
        "POST", url, body=urllib.parse.urlencode(fields), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    return str(json.loads(answer.data)["access_token"])


if __name__ == "__main__":
    sys.exit(main())
