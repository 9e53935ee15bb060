"""A production vault, and a second person of security operations who decides."""

import pytest

from apps.core.principals import PersonRole
from apps.domain.vaults.models import Vault
from tests.support import actors


@pytest.fixture
def guarded(vault, people):
    Vault.objects.filter(pk=vault.pk).update(production=True)
    vault.production = True
    return vault


@pytest.fixture
def second(people):
    return actors.make_person("second", PersonRole.SECURITY_OPERATIONS)
