"""The lane without processes: a request is packed, decided on by the worker's own code, recorded, and unpacked.

There is no HSM: a request that would use a key ends with an error where the HSM would be asked.
"""

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
    """Requests of this process are answered by this process; signing keys count as bound by the HSM."""
    thread = HsmThread(peers=[], handler=handle_request)
    web = Peer("web", Path(), frozenset(), REQUESTS["web"])

    def call(_client, request, **_):
        packet = pack_request(request)
        answer, record, change = thread._handle_request(None, unpack_request(packet), len(packet), web)
        assert change is None, "a change needs the HSM"
        writer.append([record] if record is not None else [])
        return unpack_answer(answer)

    monkeypatch.setattr(HsmClient, "call", call)
    monkeypatch.setattr(callers, "check_signing_key", lambda _hsm, _key: None)
    yield
    thread._wake_reader.close()
    thread._wake_writer.close()
    thread._selector.close()
