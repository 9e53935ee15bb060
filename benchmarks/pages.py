"""`./portal bench pages`: pages and search of the portal with 100 000 keys and as many secrets in one vault.

Measured inside Django's handler (no network), signed in. One request
each to warm up, then so many more; the spread is given as p50 and p95.
"""

import os
import statistics
import sys
import time
from importlib import import_module

import django
import urllib3

django.setup()

from allauth.mfa.models import Authenticator  # noqa: E402  models exist only now
from django.conf import settings  # noqa: E402
from django.contrib.auth import login  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client  # noqa: E402

from apps.domain.identity.models import User  # noqa: E402
from apps.domain.identity.portal_sessions import cookie_of  # noqa: E402
from benchmarks import fill  # noqa: E402
from benchmarks.listing import _token  # noqa: E402

ROUNDS = 40
GOALS_MS = {"search": 200.0}
GOAL_MS = 150.0
PAGES = {
    "overview": "/secops/",
    "vaults": "/secops/vaults",
    "vault, first page": "/secops/vaults/demo-europe",
    "vault, filtered": "/secops/vaults/demo-europe?q=99",
    "vault, secrets": "/secops/vaults/demo-europe?tab=secrets",
    "vault, usage": "/secops/vaults/demo-europe?tab=usage",
    "object": "/secops/vaults/demo-europe/keys/filler-5000",
    "object, history": "/secops/vaults/demo-europe/keys/filler-5000?tab=history",
    "rollovers": "/secops/rollovers",
    "access": "/secops/access",
    "applications": "/secops/applications",
    "recycle bin": "/secops/recycle-bin",
    "HSM": "/secops/hsm",
    "search, prefix": "/secops/search?q=bench",
    "search, middle": "/secops/search?q=9999",
    "search, nothing": "/secops/search?q=zzzzzz",
}


def main() -> int:
    """Exit 1 when a page misses its goal."""
    client, host = _signed_in()
    _first_objects()
    fill.fill()
    print("| page | p50, ms | p95, ms | goal, ms |")
    print("|---|---|---|---|")
    missed = 0
    for name, path in PAGES.items():
        goal = GOALS_MS.get(name.split(",")[0], GOAL_MS)
        times = [_one(client, host, path) for _ in range(ROUNDS + 1)][1:]
        p95 = statistics.quantiles(times, n=20)[-1]
        missed += p95 > goal
        print(f"| {name} | {statistics.median(times):.1f} | {p95:.1f} | {goal:.0f} |")
    return 1 if missed else 0


def _one(client: Client, host: str, path: str) -> float:
    started = time.perf_counter()
    answer = client.get(path, secure=True, headers={"host": host})
    took = (time.perf_counter() - started) * 1000
    if answer.status_code != 200:
        sys.exit(f"{path} answered {answer.status_code}")
    return took


def _signed_in() -> tuple[Client, str]:
    user = User.objects.get(username=os.environ["PORTAL_USER_SECOPS"])
    return client_of(user), f"portal.{settings.VAULT_SUFFIX}:{settings.PUBLIC_PORT}"


def client_of(user: User) -> Client:
    """A client with a session and a second factor. Django's `force_login` knows stored keys only, not cookies."""
    second_factor(user)
    request, client = HttpRequest(), Client()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore()
    login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
    request.session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie_of(request.session)
    return client


def second_factor(user: User) -> None:
    """Pages open to nobody without one."""
    Authenticator.objects.get_or_create(user=user, type="totp", defaults={"data": {"secret": "of nobody"}})


def _first_objects() -> None:
    http = urllib3.PoolManager(ca_certs=os.environ["PORTAL_CA"], retries=False, timeout=70)
    headers = {"Authorization": f"Bearer {_token(http)}", "Content-Type": "application/json"}
    vault, version = os.environ["VAULT_URL"], "api-version=7.6"
    http.request("POST", f"{vault}/keys/bench-rsa-0/create?{version}", body=b'{"kty":"RSA-HSM"}', headers=headers)
    http.request("PUT", f"{vault}/secrets/bench-get-0?{version}", body=b'{"value":"v"}', headers=headers)


if __name__ == "__main__":
    sys.exit(main())
