"""Dangerous actions need a recent proof of identity, in the portals and in the management API."""

import pytest
from django.urls import get_resolver

from apps.domain.access.permissions import Permission
from tests.support.endpoints import endpoints

# What these permit is given, weakened or lost for good.
DANGEROUS = {
    Permission.VAULTS_UPDATE,
    Permission.VAULTS_DELETE,
    Permission.VAULTS_PURGE,
    Permission.MANAGERS_ASSIGN,
    Permission.ROLES_ASSIGN,
    Permission.AUTHORITIES_TRUST,
    Permission.APPLICATIONS_CREATE,
    Permission.PEOPLE_INVITE,
    Permission.APPROVALS_DECIDE,
    Permission.KEYS_PURGE,
    Permission.SECRETS_PURGE,
    Permission.CERTIFICATES_PURGE,
}
# Without, and why.
SPARED = {
    "RemoveRole": "taking away is how an incident is contained; it can be given again",
    "RemoveMember": "the same",
    "RemoveCredential": "the same",
    "RemoveSecret": "the same",
    "Applications.remove_credential": "the same",
    "Groups.remove_member": "the same",
    "Applications.remove_manager": "the same",
    "Assignments.destroy": "the same",
    "Groups.create": "an empty group gives nothing",
    "Groups": "an empty group gives nothing",
    "Applications.create": "an application without a role may do nothing",
    "TestLogDestination": "sends a test object to where the log goes already",
    "ReplayLog": "sends what was sent before to where the log goes already",
    "VaultLog.test_destination": "sends a test object to where the log goes already",
    "VaultLog.replay": "sends what was sent before to where the log goes already",
    "SendTestEvent": "sends an event without content to where events go already",
    "Webhooks.send_test": "sends an event without content to where events go already",
    "ValidateWebhook": "asks a receiver that was added already",
    "Webhooks.validate": "asks a receiver that was added already",
    "MovableClock.move": "only a test installation without production vaults has a clock that moves",
    "RedeliverEvents": "sends what was sent before to where events go already",
    "Webhooks.redeliver": "sends what was sent before to where events go already",
}


def views(urlconf):
    for pattern in get_resolver(urlconf).url_patterns:
        view = getattr(pattern.callback, "view_class", None)
        if view is not None and getattr(view, "permissions", None):
            yield view


def unproven():
    """(name, permission) of each dangerous act that asks for nothing."""
    for urlconf in (
        "apps.interfaces.console.security_operations.urls",
        "apps.interfaces.console.developers.urls",
        "apps.interfaces.console.auditors.pages",
    ):
        for view in views(urlconf):
            if view.permissions.get("post") in DANGEROUS and not (
                view.require_reauth or view.require_reauth_before_form
            ):
                yield view.__name__, view.permissions["post"]
    for method, _address, name, declared in endpoints():
        if method != "get" and declared.permission in DANGEROUS and not declared.reauth:
            yield name, declared.permission


@pytest.mark.parametrize(("name", "permission"), sorted(set(unproven())))
def test_what_is_spared_is_spared_by_name(name, permission):
    assert name in SPARED, f"{name} does what {permission} permits and asks for no recent proof"


def test_nothing_is_spared_that_is_not_there():
    assert {name for name, _ in unproven()} == set(SPARED)


def test_something_was_looked_at():
    assert len(list(endpoints())) > 60
    assert len(list(views("apps.interfaces.console.security_operations.urls"))) > 20
