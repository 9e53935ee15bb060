"""Client secrets of an application: a second one to replace the first, and not without end."""

import pytest

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.identity import operations
from apps.domain.identity.credentials import CredentialTaken
from apps.domain.identity.models import ClientSecret
from apps.domain.identity.rules import MAX_CREDENTIALS
from tests.support import actors

pytestmark = pytest.mark.django_db


def test_an_application_has_so_many_and_one_makes_room_by_removing_one(people):
    grant = actors.grant_of(people.dev, Permission.APPLICATIONS_CREATE)
    made, _ = operations.create_application(grant=grant, name="mine", now=now())
    for _ in range(MAX_CREDENTIALS - 1):
        operations.add_client_secret(grant=grant, application=made, now=now())
    with pytest.raises(CredentialTaken):
        operations.add_client_secret(grant=grant, application=made, now=now())
    assert ClientSecret.objects.filter(application=made).count() == MAX_CREDENTIALS
    first = ClientSecret.objects.filter(application=made).first()
    operations.remove_client_secret(grant=grant, application=made, secret_id=first.pk, now=now())
    assert operations.add_client_secret(grant=grant, application=made, now=now())
