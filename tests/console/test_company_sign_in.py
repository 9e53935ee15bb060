"""Sign-in with a company's OpenID Connect provider: a real provider process, and a web process that knows it."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.support import people
from tests.support.processes import free_port
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def provider():
    port = free_port()
    people_there = ["--user", "jo@example.com", "--user", "stranger@example.com"]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *people_there]
    process = subprocess.Popen(command)
    url = f"http://localhost:{port}"
    wait_for(f"{url}/.well-known/openid-configuration")
    yield url
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def portal(provider, tmp_path_factory):
    """The portal, served by one more web process; its address."""
    port, secret = free_port(), tmp_path_factory.mktemp("oidc") / "secret"
    secret.write_text("shared")
    tls = Path(os.environ["TEST_STATE_DIR"]) / "tls"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "vaultportal.settings.portal",
        "DATABASE_URL": os.environ["WEB_DATABASE_URL"],
        "PUBLIC_PORT": str(port),
        "OIDC_ISSUER": provider,
        "OIDC_CLIENT_ID": "vault-portal",
        "OIDC_CLIENT_SECRET_FILE": str(secret),
    }
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--ssl-certificate", str(tls / "server.pem"), "--ssl-keyfile", str(tls / "server.key")]
    process = subprocess.Popen(
        [*command, "--blocking-threads", "4", "vaultportal.wsgi.portal:application"], env=environment
    )
    wait_for(f"https://127.0.0.1:{port}/health", host=f"portal.vault.localhost:{port}")
    yield f"https://portal.vault.localhost:{port}"
    process.terminate()
    process.wait()


def wait_for(url, host=None):
    http = urllib3.PoolManager(cert_reqs="CERT_NONE", retries=False)

    def answers():
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            return http.request("GET", url, headers={"Host": host} if host else {}).status == 200

    wait_until(answers, url, pause=0.2)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_connected_company_account_signs_in_and_another_does_not(chromium, portal, secops_state):
    cookies = [
        {"name": cookie["name"], "value": cookie["value"], "url": portal, "secure": True}
        for cookie in secops_state["cookies"]
        if cookie["name"].startswith("__Host-")
    ]
    known = chromium.new_context(ignore_https_errors=True)
    known.add_cookies(cookies)
    people.let_proof_grow_old(known)
    page = known.new_page()
    page.goto(f"{portal}/account/company/")
    people.confirm(page, os.environ["PORTAL_USER_SECOPS"])
    page.get_by_role("link", name="Company account").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="jo@example.com").click()
    page.wait_for_url(re.compile("/account/(company|reauthenticate|2fa/reauthenticate)/"))
    people.confirm(page, os.environ["PORTAL_USER_SECOPS"])  # connecting an account asks for a recent proof
    page.wait_for_url(re.compile("/account/company/"))
    assert "jo@example.com" in page.content() or page.locator("input[name=account]").count() == 1
    known.close()

    for subject, comes_in in (("jo@example.com", True), ("stranger@example.com", False)):
        context = chromium.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"{portal}/account/login/")
        page.get_by_role("link", name="Company account").click()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name=subject).click()
        page.wait_for_url(re.compile(re.escape(portal)))
        if comes_in:
            people.give_code(page, people.proof_of(os.environ["PORTAL_USER_SECOPS"]))
            page.wait_for_url("**/secops/")
        else:
            assert "is not connected to a user" in page.content()
        context.close()
