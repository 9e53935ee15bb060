"""The official SDKs, unmodified, with `verify_challenge_resource` left on, against the running system."""

import os

import pytest

pytestmark = pytest.mark.stack


@pytest.fixture(scope="session", autouse=True)
def _own_authority(stack):
    """What `./portal env` exports: the SDKs believe our authority."""
    assert os.environ["REQUESTS_CA_BUNDLE"] == stack.ca
