"""The same code again in the running system: at another process (IPv6), and on the auditors' host."""

import os
import re
import urllib.parse
import uuid
from pathlib import Path

import pytest
import urllib3

from tests.support.audit_portal import AUDIT
from tests.support.people import PASSWORD, PORTAL, code_of, invite, invite_auditor

pytestmark = pytest.mark.stack


class Browser:
    """Signs in at one address of the system; the name of the host is sent, not looked up."""

    def __init__(self, stack, address, base):
        host = urllib.parse.urlsplit(base)
        self._host, self._cookies = host.netloc, {}
        self._pool = urllib3.HTTPSConnectionPool(
            address,
            host.port,
            ca_certs=stack.ca,
            server_hostname=host.hostname,
            assert_hostname=host.hostname,
            retries=False,
        )
        self._origin = f"https://{self._host}"

    def ask(self, method, path, fields=None):
        headers = {"Host": self._host, "Referer": self._origin + path, "Origin": self._origin}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        body = urllib.parse.urlencode(fields) if fields else None
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self._pool.request(method, path, body=body, headers=headers, redirect=False)
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer

    def post(self, path, **fields):
        page = self.ask("GET", path).data.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page[:500]
        return self.ask("POST", path, {**fields, "csrfmiddlewaretoken": token[1]})

    def give_password(self, name):
        return self.post("/account/login/", login=name, password=PASSWORD)

    def sign_in(self, name, code):
        """Whether the code is accepted after the right password."""
        answer = self.give_password(name)
        assert answer.status == 302 and "2fa" in answer.headers["Location"], answer.status
        return self.post("/account/2fa/authenticate/", code=code).status == 302


@pytest.mark.parametrize(("address", "base"), [("::1", PORTAL), ("127.0.0.1", AUDIT)], ids=["IPv6", "auditors"])
def test_a_code_that_was_taken_is_refused_by_every_process(page, new_context, stack, address, base):
    status = Path(os.environ["TEST_STATE_DIR"]) / "status.json"
    if address == "::1" and "web6" not in status.read_text():
        pytest.skip("this machine has no IPv6")
    name = f"twice-{uuid.uuid4().hex[:8]}"
    with new_context() as context:
        if base == AUDIT:
            invite_auditor(page, context, name, AUDIT)
        else:
            invite(page, context, name)
    code = code_of(name)
    assert Browser(stack, "127.0.0.1", base).sign_in(name, code)
    assert not Browser(stack, address, base).sign_in(name, code)
    assert Browser(stack, address, base).sign_in(name, code_of(name))


def test_the_portal_asks_an_auditor_for_no_code(page, new_context, stack):
    """It could not note the code as used: the row is the auditors' host's alone to write."""
    name = f"asked-{uuid.uuid4().hex[:8]}"
    with new_context() as context:
        invite_auditor(page, context, name, AUDIT)
    browser = Browser(stack, "127.0.0.1", PORTAL)
    answer = browser.give_password(name)
    assert answer.status == 403
    assert AUDIT in answer.data.decode()
    assert browser.ask("GET", "/account/2fa/authenticate/").headers["Location"].startswith("/account/login/")
    assert browser.ask("GET", "/account/sessions/").headers["Location"].startswith("/account/login/")
    assert Browser(stack, "127.0.0.1", AUDIT).sign_in(name, code_of(name))
