"""What a request says about formats and types chooses a renderer or is refused; it never breaks the service."""

import json

import pytest
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import Http404, UnreadablePostError
from django.test import RequestFactory

from apps.interfaces.management_api.errors import handle
from vaultportal.wsgi.portal import application

PATHS = ["/api/v1/vaults", "/api/v1/whoami", "/api/v1/vaults/demo-europe/objects/keys/a/history", "/api/v1/schema"]
QUERIES = [
    "format=x",
    "format=api",
    "format=json",
    "format=",
    "format=%00x",
    "format=a&format=b",
    "&".join(["a=b"] * 1500),
]
ACCEPTS = [
    "*/*",
    "text/html",
    "application/json; q=x",
    "application/json; indent=x",
    ";",
    "a",
    "/",
    ",,,",
    "x" * 9000,
    "\xff",
]
TYPES = [
    "text/plain; x*=nosuch''a",  # a charset that Python does not know (RFC 2231)
    "text/plain; charset=hex",  # a codec that is no text encoding
    "text/plain; charset=idna",
    "application/json; charset*=nosuch''utf-8",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "application/json; a*0*=x''%41; a*1=b",
    ";", "/", "a;;=", "\xff; charset=\xff",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _connection_of_the_test():
    """A request ends connections that are in a transaction, as the test's is; Django's test client prevents it, too."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


def answer_to(method="GET", path="/api/v1/vaults", query="", host="portal.vault.localhost", **headers):
    """Status and body, through the entry that the server calls."""
    environ = RequestFactory()._base_environ() | headers
    environ |= {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": f"{host}:{settings.OWN_PORT}",
    }
    seen = []
    body = b"".join(application(environ, lambda status, _headers: seen.append(int(status.split()[0]))))
    return seen[0], body


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:20])
def test_a_format_in_the_query_never_breaks_anything(db, path, query):
    status, body = answer_to(path=path, query=query)
    assert status < 500, body[:300]
    assert b"No vault answers" not in body


@pytest.mark.parametrize("accept", ACCEPTS, ids=lambda accept: accept[:20])
def test_an_accept_header_never_breaks_anything(db, accept):
    for path in PATHS:
        status, body = answer_to(path=path, HTTP_ACCEPT=accept)
        assert status < 500, body[:300]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    ("host", "path"),
    [("portal", "/api/v1/vaults"), ("portal", "/account/login/"), ("login", "/x"), ("payroll", "/nothing")],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_content_type_never_breaks_anything(db, kind, host, path, method):
    status, body = answer_to(method, path, "q=%41", f"{host}.vault.localhost", CONTENT_TYPE=kind)
    assert status < 500, body[:300]


@pytest.mark.parametrize(
    ("query", "beginning"), [("format=json", b"{"), ("format=yaml", b"openapi"), ("format=x", b"openapi")]
)
def test_the_schema_is_given_in_the_format_that_was_asked_for(db, query, beginning):
    status, body = answer_to(path="/api/v1/schema", query=query)
    assert status == 200
    assert body.lstrip().startswith(beginning)


@pytest.mark.parametrize(
    ("error", "status"),
    [(Http404(), 404), (PermissionDenied(), 403), (SuspiciousOperation(), 400), (BadRequest(), 400), (UnreadablePostError(), 400)],
)  # fmt: skip
def test_what_the_framework_raises_is_the_callers_fault(error, status):
    answer = handle(error, {})
    assert answer.status_code == status
    assert set(json.loads(json.dumps(answer.data))["error"]) == {"code", "message"}
