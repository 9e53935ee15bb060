"""Forgetting authorisation must be a TypeError, not an open door."""

import importlib
import inspect
from pathlib import Path

import pytest

from apps.domain.access.grants import Grant

APPS = Path(__file__).parents[2] / "apps"
FILES = [*APPS.rglob("operations.py"), *APPS.rglob("operations/[a-z]*.py")]
MODULES = sorted(".".join(path.relative_to(APPS.parent).with_suffix("").parts) for path in FILES)


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


@pytest.mark.parametrize("function", list(public_functions()))
def test_every_operation_looks_at_its_grant(function):
    source = inspect.getsource(inspect.unwrap(function))
    assert "grant.require(" in source or "_use(" in source, "the grant is taken but never required"


def test_a_grant_cannot_be_made_by_hand():
    from apps.core.ids import uuid7
    from apps.core.principals import RequestContext
    from apps.domain.access.grants import GrantMismatch, Scope
    from apps.domain.access.permissions import Permission
    from apps.domain.access.system_grants import SYSTEM

    with pytest.raises(GrantMismatch):
        Grant(SYSTEM, Permission.KEYS_SIGN, Scope(), RequestContext(request_id=uuid7()))
