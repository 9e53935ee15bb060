"""What one request to the audit worker may cost: its thread also signs the checkpoints."""

import pytest

from apps.audit_log import sealing
from apps.core.errors import BadRequest
from apps.domain.hsm_client.protocol import OpenDataKeys, SignEvidence
from apps.workers.audit_worker.worker import handle_request


def test_more_data_keys_than_a_reader_sends_are_refused_before_any_is_opened():
    entry = (bytes(16), bytes(384), bytes(32), bytes(32))
    with pytest.raises(BadRequest, match="At most 64"):
        handle_request(None, OpenDataKeys(0.0, [entry] * (sealing.OPENED_AT_ONCE + 1)), now=None)


def test_a_digest_has_its_length():
    with pytest.raises(BadRequest):
        handle_request(None, SignEvidence(0.0, bytes(33)), now=None)
