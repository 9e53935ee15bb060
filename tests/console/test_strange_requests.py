"""What browsers do not send: HEAD, and NULs where PostgreSQL can hold none. Nothing of it is our fault, so no 5xx."""

import io
import json
import re

import pytest
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import RequestFactory

from apps.interfaces.console.middleware import RejectNulBytes
from tests.console.test_isolation import csrf, pages
from tests.support.audit_portal import AUDIT
from tests.support.endpoints import endpoints
from tests.support.people import PORTAL

UUID = "00000000-0000-0000-0000-000000000000"
PAGES = [url for _, url, methods in pages("secops") if "get" in methods]


def addresses():
    """Every address of the management API that can be read."""
    for method, address, *_ in endpoints():
        if method == "get":
            path = re.sub(r"<uuid:\w+>", UUID, address)
            yield f"{PORTAL}/" + re.sub(r"<str:kind>", "keys", path).replace("<str:name>", "demo-europe")


@pytest.mark.parametrize("url", [*PAGES, *(re.sub(r"<str:\w+>", "none", url) for url in addresses())])
def test_head_is_answered_as_get_without_its_body(security_operations, url):
    asked = security_operations.request.get(url, headers={"Sec-Fetch-Site": "same-origin"})
    answer = security_operations.request.head(url)
    assert answer.status == asked.status
    assert answer.body() == b""


@pytest.mark.parametrize(
    "path",
    ["secops/vaults/%00", "secops/vaults?q=%00", "api/v1/vaults/%00", "api/v1/vaults/demo-europe/callers?object=%00",
     "api/v1/applications/%00/credentials", "secops/vaults/demo-europe/keys/a%00b"],
)  # fmt: skip
def test_a_nul_in_an_address_is_400(security_operations, path):
    answer = security_operations.request.get(f"{PORTAL}/{path}")
    assert answer.status == 400
    if path.startswith("api/"):
        assert json.loads(answer.body())["error"]["code"] == "BadParameter"


def test_a_nul_in_a_form_is_400(security_operations):
    url = f"{PORTAL}/secops/access/remove"
    form = {"csrfmiddlewaretoken": csrf(security_operations), "vault": "demo-europe", "role": "a\0b", "who": "\0"}
    assert security_operations.request.post(url, form=form, headers={"Referer": url}).status == 400


def test_a_nul_on_the_auditors_host_is_400(new_context, auditor_state):
    with new_context(storage_state=auditor_state) as context:
        for path in ("records?vault=%00", "records/%00", "api/v1/audit/records?object=%00"):
            assert context.request.get(f"{AUDIT}/{path}").status == 400


class BrokenOff(io.RawIOBase):
    """What an upload leaves when its sender has gone."""

    def read(self, size=-1):
        raise OSError("the connection is closed")


def test_an_upload_that_is_broken_off_is_no_fault_of_ours():
    def checked(request):
        return CsrfViewMiddleware(HttpResponse).process_view(request, HttpResponse, (), {})

    request = RequestFactory().post("/secops/vaults/new", {"name": "a"}, **{"wsgi.input": BrokenOff()})
    request.COOKIES["csrftoken"] = "x" * 32
    assert RejectNulBytes(checked)(request).status_code == 403
