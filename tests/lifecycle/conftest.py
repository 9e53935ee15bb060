"""Vaults of one's own, made through the management API, and programs that run as one of our processes does."""

import functools

import pytest
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

from tests.support import programs

# The scheduler's work at a time: so many days from now, or now.
SWEEP = """
from datetime import timedelta
from apps.core.clock import now
from apps.workers.scheduler.maintenance import sweep
sweep(now=now() + timedelta(days=float((sys.argv[1:] or [0])[0])))
"""


@pytest.fixture
def keys_of(credential):
    return lambda url: KeyClient(url, credential)


@pytest.fixture
def secrets_of(credential):
    return lambda url: SecretClient(url, credential)


@pytest.fixture
def as_scheduler(stack):
    """Run a program as the job worker runs: its settings, and its database role."""

    return functools.partial(programs.output_of, settings="scheduler", role="JOBS")
