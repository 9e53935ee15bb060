"""The portal process ends: its host is refused for now, and the vaults notice nothing."""

import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


def test_vaults_are_served_while_the_portal_process_is_away(system, client, stack):
    system.kill_with_children("portal")
    page = stack.http().request("GET", f"{stack.portal_url}/account/login/")
    assert (page.status, 2 <= int(page.headers["Retry-After"]) <= 8) == (503, True)
    while page.status == 503:
        answer = client.ask("list", "GET", "/secrets")
        assert answer.status == 200, answer.body
        page = stack.http().request("GET", f"{stack.portal_url}/account/login/")
    assert page.status == 200
    wait_until(stack.healthy, "a healthy system")
