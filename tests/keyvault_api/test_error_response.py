"""Every error of ours has a row in the one map, and the shape is the contract's."""

import orjson
import pytest
from django.db import OperationalError, connection

from apps.audit_log.group_commit import NotStoredByLeader
from apps.core.errors import BadRequest, VaultError
from apps.interfaces.keyvault_api import pipeline
from apps.interfaces.keyvault_api.error_response import error_mapping, to_response
from apps.interfaces.management_api.errors import handle

# Programming errors and alarms: a caller cannot cause them, so they are a plain 500.
OURS = {"GrantMismatch", "JobRefused", "LeaseLost", "ProtectedKeyAltered", "RequestNotAllowed"}


def everything():
    import apps.audit_reader.tasks
    import apps.workers.hsm_worker.preflight
    import apps.workers.hsm_worker.tasks  # noqa: F401

    return sorted(VaultError.registry.items())


@pytest.mark.parametrize(("name", "kind"), everything())
def test_every_error_is_mapped(name, kind):
    row = error_mapping(kind("text"))
    assert (row.status == 500) is (name in OURS)
    if name not in OURS:
        assert 400 <= row.status <= 503


@pytest.mark.parametrize(("name", "kind"), everything())
def test_an_error_has_one_status_wherever_it_is_told(name, kind):
    assert {error_mapping(kind("text")).status, handle(kind("text"), {}).status_code} == {kind.status}


def test_a_message_with_what_utf8_cannot_hold_is_answered():
    body = to_response(BadRequest("found \ud800")).body
    assert orjson.dumps(body)
    assert body["error"]["message"] == "found ?"


def test_an_unknown_error_says_nothing_of_itself():
    body = to_response(RuntimeError("secret text")).body
    assert "secret text" not in str(body)
    assert body["error"]["code"] == "InternalServerError"


def test_an_inner_code_is_nested():
    from apps.domain.keys.rules import KeyDisabled

    reply = to_response(KeyDisabled("no"))
    assert reply.status == 403
    assert reply.body == {"error": {"code": "Forbidden", "message": "no", "innererror": {"code": "KeyDisabled"}}}


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_closed_after_its_own_error_only():
    connection.ensure_connection()
    raw = connection.connection
    pipeline._close_after(NotStoredByLeader("another thread's connection broke"))
    assert connection.connection is raw
    pipeline._close_after(OperationalError("this one broke"))
    assert connection.connection is None
