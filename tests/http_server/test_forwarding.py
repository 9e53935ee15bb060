"""The way of a portal's request through the web process: forwarded whole, with the caller's address, or refused."""

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import closing

import pytest

from apps.core.busy import Busy
from apps.interfaces.http_server.forwarding import Forwarder, with_forwarded_address
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def forwarder(tmp_path_factory):
    """A forwarder to the server of the portal process, with another application."""
    path = tmp_path_factory.mktemp("portal") / "portal.sock"
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--uds", str(path)]
    options = ["--blocking-threads", "4", "--respawn-failed-workers", "tests.support.echo_server:application"]
    process = subprocess.Popen([*command, *options], start_new_session=True)
    forwarder = Forwarder(path)
    wait_until(lambda: answers(forwarder), "the server", pause=0.05)
    yield forwarder
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(forwarder):
    try:
        return ask(forwarder)
    except Busy:
        return None


class Answer:
    def __call__(self, status, headers):
        self.status, self.headers = status, headers


def environ(**changes):
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/a",
        "QUERY_STRING": "",
        "REMOTE_ADDR": "192.0.2.7",
        "HTTP_HOST": "portal.vault.localhost:8443",
        "wsgi.input": io.BytesIO(b""),
        **changes,
    }


def ask(forwarder, **changes):
    answer = Answer()
    return answer, json.loads(b"".join(forwarder(environ(**changes), answer)))


def test_a_request_arrives_as_it_was_sent_and_its_answer_returns(forwarder):
    answer, seen = ask(
        forwarder,
        PATH_INFO="/caf\u00c3\u00a9/a b/%2f",
        QUERY_STRING="q=a%20b&r=%C3%A9;+",
        HTTP_COOKIE="__Host-session=x",
        CONTENT_TYPE="application/json",
        **{"wsgi.input": io.BytesIO(b'{"name": 1}')},
    )
    assert (seen["PATH_INFO"], seen["QUERY_STRING"]) == ("/caf\u00c3\u00a9/a b/%2f", "q=a%20b&r=%C3%A9;+")
    assert (seen["REQUEST_METHOD"], seen["HTTP_HOST"]) == ("POST", "portal.vault.localhost:8443")
    assert (seen["HTTP_COOKIE"], seen["CONTENT_TYPE"]) == ("__Host-session=x", "application/json")
    assert seen["body"] == '{"name": 1}'
    assert answer.status == "201 Created"
    assert sorted(value for name, value in answer.headers if name.lower() == "set-cookie") == ["a=1", "b=2"]
    assert not {name.lower() for name, _ in answer.headers} & {"date", "server", "connection", "transfer-encoding"}


@pytest.mark.parametrize("header", [{}, {"HTTP_X_FORWARDED_FOR": "198.51.100.9"}])
def test_the_address_is_the_connections_whatever_a_caller_writes(forwarder, header):
    _, seen = ask(forwarder, **header)
    assert seen["REMOTE_ADDR"] == "192.0.2.7"
    assert "HTTP_X_FORWARDED_FOR" not in seen


def test_over_tcp_the_header_is_not_believed():
    seen = {}

    def application(environ, _start_response):
        seen.update(environ)
        return []

    with_forwarded_address(application)(environ(HTTP_X_FORWARDED_FOR="198.51.100.9"), Answer())
    assert seen["REMOTE_ADDR"] == "192.0.2.7"


def test_headers_of_the_connection_are_not_forwarded(forwarder):
    _, seen = ask(forwarder, HTTP_CONNECTION="upgrade", HTTP_UPGRADE="websocket", HTTP_TRANSFER_ENCODING="chunked")
    assert not {"HTTP_UPGRADE", "HTTP_TRANSFER_ENCODING"} & set(seen)


def test_a_stream_is_passed_on_part_by_part(forwarder, tmp_path):
    with closing(forwarder(environ(PATH_INFO="/parts", HTTP_GO_ON=str(tmp_path / "go-on")), Answer())) as parts:
        assert next(parts) == b"first", "before the second part exists"
        (tmp_path / "go-on").touch()
        assert list(parts) == [b"second"]


def test_without_a_portal_process_the_request_is_refused_for_now(tmp_path):
    with pytest.raises(Busy, match="portal is starting"):
        Forwarder(tmp_path / "nothing.sock")(environ(), Answer())


def test_an_answer_that_breaks_off_is_refused_for_now(forwarder):
    with pytest.raises(Busy, match="portal is starting"):
        forwarder(environ(PATH_INFO="/exit"), Answer())
