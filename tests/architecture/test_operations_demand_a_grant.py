"""Forgetting authorisation must be a TypeError, not an open door."""

import contextlib
import importlib
import inspect
import uuid
from pathlib import Path
from unittest import mock

import pytest

from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.grants import Grant, GrantMismatch, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import SYSTEM, system_grant
from apps.domain.approvals.models import GuardedOperation
from apps.domain.bulk_rotation import operations as bulk_rotation
from apps.domain.catalog.kinds import BY_NAME

APPS = Path(__file__).parents[2] / "apps"
FILES = [*APPS.rglob("operations.py"), *APPS.rglob("operations/[a-z]*.py")]
MODULES = sorted(".".join(path.relative_to(APPS.parent).with_suffix("").parts) for path in FILES)


# Where the permission that is required depends on an argument. Others mean nothing to what looks at its grant first.
ARGUMENTS = {"act": GuardedOperation.PURGE, "approval": mock.MagicMock(act=GuardedOperation.PURGE)}


def kinds(function):
    """The values for the argument `kind`: the operations that all objects share are checked for each kind."""
    return list(BY_NAME.values()) if function.__module__.startswith("apps.domain.objects.") else ["keys"]


def public_functions():
    for name in MODULES:
        module = importlib.import_module(name)
        for function_name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == name and not function_name.startswith("_"):
                yield pytest.param(function, id=f"{name}.{function_name}")


@pytest.mark.parametrize("function", list(public_functions()))
def test_every_operation_takes_a_grant_by_keyword(function):
    parameter = inspect.signature(function).parameters.get("grant")
    assert parameter is not None, "an operation without a grant can be called by anybody"
    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
    assert parameter.annotation is Grant
    assert parameter.default is inspect.Parameter.empty


@pytest.mark.django_db
@pytest.mark.parametrize("function", list(public_functions()))
def test_every_operation_refuses_a_grant_for_something_else(function, monkeypatch):
    """No operation is for both: what looks at its grant refuses one of them."""
    monkeypatch.setattr(bulk_rotation, "get_rollover", mock.MagicMock())
    for kind in kinds(function):
        assert count_refusals(function, kind), f"the grant is taken but never required ({kind})"


def count_refusals(function, kind):
    parameters = [name for name in inspect.signature(function).parameters if name != "grant"]
    arguments = {name: {**ARGUMENTS, "kind": kind}.get(name, mock.MagicMock()) for name in parameters}
    refused = 0
    for permission in (Permission.VAULTS_SWEEP, Permission.PEOPLE_INVITE):
        grant = system_grant(permission, scope=Scope(uuid.uuid4(), "another"), origin="tests")
        with contextlib.suppress(Exception):  # of an operation that takes the grant, from its arguments
            try:
                result = function(grant=grant, **arguments)
                if isinstance(result, contextlib.AbstractContextManager):
                    result.__enter__()
            except GrantMismatch:
                refused += 1
    return refused


def test_a_grant_cannot_be_made_by_hand():
    with pytest.raises(GrantMismatch):
        Grant(SYSTEM, Permission.KEYS_SIGN, Scope(), RequestContext(request_id=uuid7()))


def test_a_grant_for_one_vault_is_none_for_another():
    vault_id = uuid.uuid4()
    grant = system_grant(Permission.VAULTS_UPDATE, scope=Scope(vault_id, "one"), origin="tests")
    grant.require(Permission.VAULTS_UPDATE, vault_id=vault_id)
    with pytest.raises(GrantMismatch):
        grant.require(Permission.VAULTS_UPDATE, vault_id=uuid.uuid4())
