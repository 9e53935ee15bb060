"""An installation without the demo: the link that `up` prints once is followed, and somebody is in."""

import shutil
import signal

import pytest
import urllib3
from playwright.sync_api import expect

from tests.launcher.test_up import Up, clear, free_port
from tests.portal.people import code_of, set_up_factor

PASSWORD = "a-long-enough-passphrase"


@pytest.fixture
def started(tmp_path):
    """(port, lines of the first start, lines of the second), the second one running."""
    directory, port = tmp_path / "state", free_port()
    first = Up(directory, port, "--no-demo").wait_ready()
    assert first.stop(signal.SIGTERM) == []
    second = Up(directory, port, "--no-demo").wait_ready()
    yield port, first.lines, second.lines
    second.stop(signal.SIGTERM)
    clear(directory)
    shutil.rmtree(directory, ignore_errors=True)


def test_whoever_follows_the_printed_link_is_in_and_nobody_after_them(started, new_context, pictures):
    port, first, second = started
    portal = f"https://portal.vault.localhost:{port}"
    (link,) = [word for line in first for word in line.split() if "/invitation/" in word]
    assert link.startswith(f"{portal}/invitation/")
    assert not [line for line in second if "/invitation/" in line], "printed twice"
    assert any("the link printed before opens until" in line for line in second)
    with new_context() as context:
        page = context.new_page()
        page.goto(link)
        page.screenshot(path=pictures / "first-administrator.png")
        page.get_by_label("Your name for signing in").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password again").fill(PASSWORD)
        page.get_by_role("button", name="Accept the invitation").click()
        page.goto(f"{portal}/secops/")
        assert page.url.endswith("/account/2fa/"), "no way in without a second factor"
        set_up_factor(page, "ada", portal)
        page.goto(f"{portal}/secops/access/people")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("security-operations")
        assert page.goto(link).status == 404
    with new_context() as context:
        page = context.new_page()
        page.goto(f"{portal}/account/login/")
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.locator("input[name=code]").fill(code_of("ada"))
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_url("**/secops/")
    headers = urllib3.make_headers(basic_auth=f"ada:{PASSWORD}")
    http = urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False)
    with pytest.warns(urllib3.exceptions.InsecureRequestWarning):
        answer = http.request("GET", f"{portal}/api/v1/whoami", headers=headers)
    assert answer.status == 401, "a password alone opens nothing"
