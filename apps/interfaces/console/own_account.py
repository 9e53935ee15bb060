"""A person's own account: a change of their credentials is recorded in the audit log, or not made.

django-allauth has the pages and tells by signals; each request to them is one transaction with the record in it.
"""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

from allauth.account.signals import password_changed, password_set
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.socialaccount.signals import social_account_added, social_account_removed
from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver

from apps.audit_log.operation_names import Operation
from apps.core.request_facts import request_context
from apps.domain.access.audit_records import append_change
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.identity import queries
from apps.domain.identity.models import User
from apps.interfaces.console import second_factor_forms

_OPERATIONS: dict[Signal, Operation] = {
    authenticator_added: Operation.SECOND_FACTOR_ADD,
    authenticator_removed: Operation.SECOND_FACTOR_REMOVE,
    authenticator_reset: Operation.RECOVERY_CODES_RENEW,
    password_changed: Operation.PASSWORD_CHANGE,
    password_set: Operation.PASSWORD_CHANGE,
    social_account_added: Operation.COMPANY_ACCOUNT_CONNECT,
    social_account_removed: Operation.COMPANY_ACCOUNT_DISCONNECT,
}


def connect_signals() -> None:
    """Record the changes that people make to their own account."""
    for signal in _OPERATIONS:
        signal.connect(_record, dispatch_uid="own-account")
    authenticator_added.connect(second_factor_forms.mark_first_code, dispatch_uid="first-code")


def in_one_transaction(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The page; a change that cannot be recorded is rolled back."""

    @wraps(view)
    def call(*args: Any, **kwargs: Any) -> HttpResponseBase:
        with transaction.atomic():
            try:
                return view(*args, **kwargs)
            except ImmediateHttpResponse as answer:  # an answer, not a fault: what led to it stays recorded
                response: HttpResponseBase = answer.response
                return response

    return call


def each_in_one_transaction(urlconf: str) -> list[URLPattern | URLResolver]:
    """The addresses of `urlconf`, each page `in_one_transaction`."""
    return [_whole(pattern) for pattern in import_module(urlconf).urlpatterns]


def _whole(pattern: URLPattern | URLResolver) -> URLPattern | URLResolver:
    if isinstance(pattern, URLResolver):
        inner = [_whole(one) for one in pattern.url_patterns]
        return URLResolver(pattern.pattern, inner, pattern.default_kwargs, pattern.app_name, pattern.namespace)
    if "reauthenticate" in (pattern.name or ""):  # it goes on with the act that had to wait, which is a page of its own
        return pattern
    return URLPattern(pattern.pattern, in_one_transaction(pattern.callback), pattern.default_args, pattern.name)


def _record(*, signal: Signal, request: HttpRequest, **details: Any) -> None:
    user = details.get("user") or request.user
    if not isinstance(user, User):
        return
    grant = grant_for_own_account(
        queries.principal_of_person(user), Permission.SESSIONS_OPEN, request_context(request.META)
    )
    kind = {"kind": details["authenticator"].type} if "authenticator" in details else {}
    append_change(grant, operation=_OPERATIONS[signal], object_id=f"people/{user.username}", **kind)
