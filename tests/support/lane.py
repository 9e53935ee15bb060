"""The lane without processes: a request is packed, decided on by the worker's own code, recorded, and unpacked."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.audit_log import writer
from apps.domain.hsm_client.lane_client import HsmClient
from apps.domain.hsm_client.protocol import pack_request, unpack_answer, unpack_request
from apps.workers.hsm_runtime.hsm_thread import HsmThread
from apps.workers.hsm_runtime.peers import Peer
from apps.workers.hsm_worker import callers
from apps.workers.hsm_worker.peers import REQUESTS
from apps.workers.hsm_worker.request_handlers import handle_request


@pytest.fixture
def lane(monkeypatch):
    """The lane without an HSM: what would use a key ends with an error there. Signing keys count as bound by it."""
    monkeypatch.setattr(callers, "check_signing_key", lambda _hsm, _key: None)
    with lane_in_process(monkeypatch, None):
        yield


@contextmanager
def lane_in_process(monkeypatch, hsm):
    """Requests to an HSM worker are answered by this process, with this HSM."""
    thread = HsmThread(peers=[], handler=handle_request)
    web = Peer("web", Path(), frozenset(), REQUESTS["web"])

    def call(_client, request, **_):
        packet = pack_request(request)
        answer, record, change = thread._handle_request(hsm, unpack_request(packet), len(packet), web)
        assert change is None, "a change needs the HSM"
        writer.append([record] if record is not None else [])
        return unpack_answer(answer)

    monkeypatch.setattr(HsmClient, "call", call)
    try:
        yield
    finally:
        thread._wake_reader.close()
        thread._wake_writer.close()
        thread._selector.close()
