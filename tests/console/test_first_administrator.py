"""An installation without the demo: the link that `up` prints once is followed, and somebody is in."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import expect

from tests.cli import test_documented_commands
from tests.launcher.test_up import Up, clear, run
from tests.support.people import PASSWORD, accept, code_of, give_code, give_password, set_up_factor
from tests.support.processes import free_port
from tests.support.screenshots import look_at, picture


@dataclass(frozen=True)
class Organisation:
    """One in which nothing was made; `lines`: what its start printed, `invited_again`: what a second start would add."""

    portal: str
    directory: Path
    lines: list[str]
    invited_again: str

    @property
    def link(self):
        """For its first administrator."""
        (link,) = [word for line in self.lines for word in line.split() if "/invitation/" in word]
        return link


@pytest.fixture(scope="module")
def organisation(tmp_path_factory):
    directory, port = tmp_path_factory.mktemp("empty") / "state", free_port()
    up = Up(directory, port, "--no-demo").wait_ready()
    again = run("manage", "--state-dir", directory, "invite", "--first").stdout
    yield Organisation(f"https://portal.vault.localhost:{port}", directory, up.lines, again)
    up.stop(signal.SIGTERM)
    clear(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def ada(organisation, new_context):
    """The state of the browser in which the link was followed."""
    with new_context() as context:
        page = context.new_page()
        page.goto(organisation.link)
        picture(page, "first-administrator")
        accept(page, organisation.link, name="ada")
        page.goto(f"{organisation.portal}/secops/")
        assert page.url.endswith("/account/2fa/"), "no way in without a second factor"
        set_up_factor(page, "ada", organisation.portal)
        return context.storage_state()


@pytest.fixture
def page_of_ada(ada, new_context):
    with new_context(storage_state=ada) as context:
        yield context.new_page()


def test_whoever_follows_the_printed_link_is_in_and_nobody_after_them(organisation, page_of_ada, new_context):
    portal, page = organisation.portal, page_of_ada
    assert organisation.link.startswith(f"{portal}/invitation/")
    assert "/invitation/" not in organisation.invited_again, "printed twice"
    assert "the link printed before opens until" in organisation.invited_again
    page.goto(f"{portal}/secops/access/people")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("security operations")
    assert page.goto(organisation.link).status == 404
    with new_context() as context:
        page = context.new_page()
        give_password(page, "ada", PASSWORD, portal)
        give_code(page, code_of("ada"))
        page.wait_for_url("**/secops/")
    headers = urllib3.make_headers(basic_auth=f"ada:{PASSWORD}")
    http = urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False)
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        answer = http.request("GET", f"{portal}/api/v1/whoami", headers=headers)
    assert answer.status == 401, "a password alone opens nothing"


EMPTY = {
    "vaults": "portal vault create",
    "applications": "portal application create",
    "access": "portal application create",
    "access/groups": "",
    "approvals": "portal approval list",
    "recycle-bin": "portal key list",
    "rollovers": "portal bulk-rotation start",
}


def test_from_an_empty_organisation_to_the_first_signature_step_by_step(
    organisation,
    page_of_ada,
    tmp_path,
    keep,
):
    """As the pages say it and with what they show: the authority's file, the environment, the program."""
    portal, page = organisation.portal, page_of_ada
    for path, command in EMPTY.items():
        page.goto(f"{portal}/secops/{path}")
        empty = page.locator(".empty")
        expect(empty).to_have_count(1)
        assert empty.get_by_role("heading").text_content() and empty.locator("p").first.text_content()
        assert empty.get_by_role("link").count() == 1
        assert command in empty.text_content()
        assert page.locator(".btn-primary").count() <= 1
        look_at(page, f"empty-{path.replace('/', '-')}")

    page.goto(f"{portal}/secops/")
    keep(page, "secops-first-steps", high=600)
    look_at(page, "first-steps")
    steps = page.locator("#first-steps li")
    expect(steps).to_have_count(4)
    expect(page.locator("#first-steps li.done")).to_have_count(0)
    assert page.locator("#first-steps a").count() == 1, "the other steps need the vault"
    for command in page.locator("#first-steps code").all_text_contents():
        test_documented_commands.test_documented_command_exists(command)

    steps.nth(0).get_by_role("link", name="Create a vault").click()
    page.get_by_label("Name").fill("payroll")
    page.get_by_role("button", name="Create vault").click()
    page.wait_for_url("**/vaults/payroll")
    page.goto(f"{portal}/secops/")
    expect(page.locator("#first-steps li.done")).to_have_count(1)

    page.locator("#first-steps a.btn-primary").click()
    page.get_by_label("Name", exact=True).fill("payroll-service")
    page.get_by_role("button", name="Create application identity").click()
    environment, trust = page.locator("#environment").text_content(), page.locator("#trust").text_content()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download vault-portal-ca.pem").click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    page.goto(f"{portal}/secops/")
    expect(page.locator("#first-steps li.done")).to_have_count(2)

    page.locator("#first-steps a.btn-primary").click()
    page.get_by_label("Name").fill("signing")
    page.get_by_role("button", name="Create key").click()
    page.wait_for_url("**/keys/signing**")
    page.goto(f"{portal}/secops/")
    expect(page.locator("#first-steps li.done")).to_have_count(3)
    picture(page, "first-steps-three-done")

    page.locator("#first-steps a.btn-primary").click()
    (tmp_path / "use.py").write_text(page.locator("#snippet").text_content())
    script = f"{environment}\n{trust}\n{sys.executable} -W ignore use.py"
    path = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    result = subprocess.run(["sh", "-ec", script], cwd=tmp_path, env=path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert len(bytes.fromhex(result.stdout.strip())) == 256  # RSA 2048
    page.wait_for_timeout(2500)  # counts are written once a second
    page.goto(f"{portal}/secops/")
    assert page.locator("#state").is_visible()
    assert page.locator("#first-steps").count() == 0

    found = run("env", "--state-dir", organisation.directory).stdout
    for name in ("PORTAL_CA", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        assert f"export {name}={organisation.directory / 'tls' / 'ca.pem'}" in found, (
            "a terminal trusts it without the demo too"
        )
