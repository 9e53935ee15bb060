"""What each kind of process may send to a worker: every request over every socket, and a process of another account.

The worker's thread and sockets are real; there is no HSM behind them, so an allowed request is answered with True.
"""

import os
import pwd
import socket
import tempfile
import threading
import uuid
from datetime import datetime
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.core.principals import Audience, RequestContext
from apps.domain.hsm_client import protocol
from apps.domain.hsm_client.lane_client import RequestNotAllowed
from apps.workers.audit_worker import worker as audit_worker
from apps.workers.hsm_runtime import peers
from apps.workers.hsm_runtime.hsm_thread import HsmThread
from apps.workers.hsm_worker.peers import REQUESTS

KINDS = {kind.__name__: kind for kind in protocol._kinds}
# A wider list in the code must be a decision, so it is repeated here.
ALLOWED = {
    "web": {
        *("Ping", "Status", "UseKey", "UnsealSecret", "ReleaseKey", "SignStatement", "IssueToken"),
        *(
            "StoreSecret",
            "SealSecret",
            "SealDestination",
            "SealCertificate",
            "ImportKey",
            "ImportWrappedKey",
            "RebindKey",
            "BindBackup",
            "AttestKey",
            "CheckBackup",
        ),
        *("RestoreKeyVersion", "RestoreSecretVersion", "RandomBytes"),
    },
    "delivery": {"Ping", "OpenDestination"},
    "events": {"Ping", "OpenWebhook"},
    "workers": {"CheckSigningKey"},
}
ALLOWED_BY_AUDIT_WORKER = {
    "auditors": {"Ping", "OpenDataKeys", "SignEvidence"},
    "delivery": {"Ping", "OpenDataKeys"},
    "verifier": {"OpenDataKeys"},
}
REFUSED = "RequestNotAllowed"
VALUES = {
    str: "",
    bytes: b"",
    float: 0.0,
    int: 1,
    bool: True,
    str | None: None,
    datetime | None: None,
    dict[str, str]: {},
    Audience: Audience.VAULTS,
    tuple[str, str]: ("n", "v"),
    tuple[str, str] | None: None,
    RequestContext: RequestContext(request_id=uuid.UUID(int=0)),
    protocol.ImportedKeySpec: protocol.ImportedKeySpec("n", "v", "wrapped", "EC", "P-256", [], False),
}


def packet_of(name, **changes):
    """A request of a kind, with a value of each field's type."""
    kind, hints = KINDS[name], get_type_hints(KINDS[name])
    fields = {field: VALUES.get(hints[field], []) for field in kind.__struct_fields__ if field not in changes}
    fields.pop("issuer_keys", None)
    return protocol.pack_request(kind(**fields, **changes))


@pytest.fixture
def directory():
    """One that every account can enter, as no directory of a test is."""
    with tempfile.TemporaryDirectory(prefix="lane-") as path:
        Path(path).chmod(0o755)
        yield Path(path)


@pytest.fixture
def ask(directory):
    """Send a packet over the socket of a kind of process; the first two parts of the answer."""
    found = peers.peers_of(directory / "1.sock", REQUESTS, "")
    thread = HsmThread(peers=found, handler=lambda _hsm, _request, *, now: isinstance(now, datetime))
    thread._hsm = object()
    thread._listen()
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            thread._run_once(timeout=0.02)

    served = threading.Thread(target=serve)
    served.start()

    def exchange(peer, packet):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(5)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, protocol.LARGEST_PACKET)
            connection.connect(str(directory / peer / "1.sock"))
            connection.send(packet)
            return tuple(msgspec.msgpack.decode(connection.recv(1000))[:2])

    yield exchange
    stop.set()
    served.join()
    for key in list(thread._selector.get_map().values()):
        key.fileobj.close()
    thread._wake_writer.close()
    thread._selector.close()


@pytest.mark.parametrize("peer", ALLOWED)
def test_a_kind_of_process_sends_its_requests_and_no_other(ask, peer):
    answers = {name: ask(peer, packet_of(name)) for name in KINDS}
    assert {name for name, answer in answers.items() if answer == ("", True)} == ALLOWED[peer]
    assert {answer[0] for answer in answers.values()} == {"", REFUSED}


@pytest.mark.parametrize("peer", ALLOWED_BY_AUDIT_WORKER)
def test_a_reader_of_the_log_sends_its_requests_and_no_other(peer):
    allowed = {kind.__name__ for kind in audit_worker.REQUESTS[peer]}
    assert allowed == ALLOWED_BY_AUDIT_WORKER[peer]
    assert set(audit_worker.REQUESTS) == set(ALLOWED_BY_AUDIT_WORKER)


def test_a_request_without_a_callers_input_is_small(ask):
    large = packet_of("OpenDestination", destination_id="0" * 2000)
    assert ask("delivery", large) == (REFUSED, "OpenDestination has 1024 bytes at most.")
    assert ask("web", packet_of("SealSecret", value=bytes(100_000))) == ("", True)


def test_refusals_are_counted_and_logged_once_a_minute(ask, caplog):
    peers._logged.clear()
    before = peers.refusals().get("delivery", 0)
    for _ in range(3):
        ask("delivery", packet_of("UseKey"))
    assert peers.refusals()["delivery"] == before + 3
    assert [record.message for record in caplog.records if "UseKey" in record.message] == [
        f"Refused: a process of the kind 'delivery' sent UseKey ({before + 1} refusals so far)"
    ]


def test_malformed_packets_are_counted_and_logged_once_a_minute_without_their_values(ask, caplog):
    peers._logged.clear()
    before = peers.refusals().get("web", 0)
    nested = msgspec.msgpack.encode(["IssueToken", 0.0, {"request_id": "0" * 32}, "", "", "", {"a": 1}])[:-1]
    for packet in (b"\x91\xa6secret", b"\xc1", nested + b"\x91" * 5000 + b"\xc0"):
        assert ask("web", packet)[0] == "RequestMalformed"
    assert peers.refusals()["web"] == before + 3
    assert [(record.message, record.exc_info) for record in caplog.records] == [
        (f"Refused: a process of the kind 'web' sent a malformed packet ({before + 1} refusals so far)", None)
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take another account")
def test_a_process_of_another_account_is_refused_though_it_reaches_the_socket(ask, directory):
    for path in (directory / "web", directory / "web" / "1.sock"):
        path.chmod(0o777)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(pwd.getpwnam("nobody").pw_gid)
            os.setuid(pwd.getpwnam("nobody").pw_uid)
            os.write(writer, ask("web", packet_of("Ping"))[0].encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        assert answer.read() == REFUSED
    assert ask("web", packet_of("Ping")) == ("", True)


def test_the_accounts_of_each_kind_are_named_or_the_workers_own(directory):
    own = peers.peers_of(directory / "1.sock", REQUESTS, "")
    assert {peer.accounts for peer in own} == {frozenset({os.geteuid()})}
    named = peers.peers_of(directory / "1.sock", REQUESTS, "web=root,7 delivery=8 events=6 workers=9")
    accounts = {"web": {0, 7}, "delivery": {8}, "events": {6}, "workers": {9}}
    assert {peer.name: peer.accounts for peer in named} == accounts
    assert named[0].socket_path == directory / "web" / "1.sock"
    for wrong in (
        "web=root",
        "web=root delivery=no-such-account events=6 workers=9",
        "web=root delivery=8 events=6 workers=9 others=1",
    ):
        with pytest.raises(ImproperlyConfigured):
            peers.peers_of(directory / "1.sock", REQUESTS, wrong)


def test_a_client_gets_the_refusal_as_an_error():
    with pytest.raises(RequestNotAllowed):
        protocol.unpack_answer(protocol.pack_refusal(REFUSED, "no"))


@pytest.mark.stack
@pytest.mark.usefixtures("stack")
def test_the_running_worker_uses_no_key_for_log_delivery_and_opens_no_destination_for_the_web():
    forbidden = [("web", "OpenDestination"), ("web", "OpenWebhook"), ("delivery", "OpenWebhook")]
    forbidden += [
        ("events", "OpenDestination"),
        ("events", "UseKey"),
        ("delivery", "UseKey"),
        ("delivery", "IssueToken"),
    ]
    for peer, name in forbidden:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.settimeout(5)
            connection.connect(str(Path(os.environ["LANE_DIR"]) / "europe" / peer / "1.sock"))
            connection.send(packet_of(name))
            assert msgspec.msgpack.decode(connection.recv(1000))[0] == REFUSED
