"""Stands in for the harness of Microsoft's own tests, in live mode alone: nothing is recorded or played back.

Their tests import these names, and pytest loads this module as a plugin. Variables: AZURE_TENANT_ID, AZURE_CLIENT_ID,
AZURE_CLIENT_SECRET and PORTAL_AUTHORITY say who signs in.
"""

import functools
import hashlib
import inspect
import os
import uuid

import pytest
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

_RUN = uuid.uuid4().hex
_CREDENTIAL = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


def pytest_collection_modifyitems(items):
    """Some tests say that they are not for a service."""
    for item in items:
        if item.get_closest_marker("playback_test_only"):
            item.add_marker(pytest.mark.skip(reason="for recordings only"))


def is_live():
    """Whether the tests ask a service."""
    return True


@pytest.fixture(scope="session")
def test_proxy():
    """What records: nothing here."""


def _nothing(*_, **__):
    """What changes recordings has nothing to do."""


add_body_key_sanitizer = add_general_regex_sanitizer = add_general_string_sanitizer = _nothing
add_oauth_response_sanitizer = add_remove_header_sanitizer = remove_batch_sanitizers = _nothing
set_bodiless_matcher = set_custom_default_matcher = _nothing


def _taken(function, given):
    """Of the arguments by name, those that a test takes."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return given
    return {name: value for name, value in given.items() if name in parameters}


def recorded_by_proxy(test):
    """Runs a test as it is. Its name stays: pytest finds fixtures by the arguments of the outermost decorator."""

    @functools.wraps(test)
    def run(*arguments, **given):
        return test(*arguments, **_taken(test, given))

    return run


class PowerShellPreparer:
    """Gives a test the values of variables: `azure_keyvault_url` is that of AZURE_KEYVAULT_URL."""

    def __init__(self, _service, **names):
        self._names = names

    def __call__(self, test):
        def prepared(test_class):
            return test(test_class, **{name: os.environ[name.upper()] for name in self._names})

        return prepared


class AzureMgmtPreparer:
    """Creates resources of a subscription; no test of these suites uses it any more."""


class AzureRecordedTestCase:
    """What test classes inherit."""

    is_live = True

    @staticmethod
    def await_prepared_test(test):
        """Asynchronous tests are awaited by pytest here."""
        return test

    def is_playback(self):
        return False

    def get_credential(self, _client, *, is_async=False, **_):
        # The module for synchronous credentials asks Microsoft about the authority by default.
        authority = {"authority": os.environ["PORTAL_AUTHORITY"]}
        who = [os.environ[name] for name in _CREDENTIAL]
        if is_async:
            return AsyncClientSecretCredential(*who, **authority)
        return ClientSecretCredential(*who, **authority, disable_instance_discovery=True)

    def create_client_from_credential(self, kind, credential, **options):
        return kind(credential=credential, **{"logging_enable": True, **options})

    def get_resource_name(self, prefix):
        """Within a test, the same prefix gives the same name; no other run uses it."""
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition(" ")[0]
        return f"{prefix}{hashlib.sha256(f'{_RUN} {test} {prefix}'.encode()).hexdigest()[:12]}"
