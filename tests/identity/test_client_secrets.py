"""Client secrets of an application: a second one to replace the first, and not without end."""

import uuid
from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.identity import operations, queries
from apps.domain.identity.credentials import CredentialTaken
from apps.domain.identity.models import ClientSecret, User
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


def test_a_secret_counts_until_it_expires_and_while_its_application_is_enabled(people):
    grant, moment = actors.grant_of(people.dev, Permission.APPLICATIONS_CREATE), now()
    made, first = operations.create_application(grant=grant, name="mine", now=moment)
    second = operations.add_client_secret(grant=grant, application=made, now=moment)
    other, foreign = operations.create_application(grant=grant, name="other", now=moment)

    def check(secret, *, application=made, at=moment):
        return queries.check_client_secret(client_id=application.client_id, secret=secret, now=at)

    accepted = ClientSecret.objects.filter(application__client_id=made.client_id, application__user__is_active=True)
    assert accepted.filter(expires__gt=moment).count() == 2
    assert [check(secret).client_id for secret in (first, second)] == [str(made.client_id)] * 2
    assert check(foreign, application=other).client_id == str(other.client_id)
    assert [check(secret) for secret in (foreign, first[:-1], "")] == [None] * 3
    assert queries.check_client_secret(client_id=uuid.uuid4(), secret=first, now=moment) is None
    last = max(accepted.values_list("expires", flat=True))
    assert accepted.filter(expires__gt=last).count() == 0
    assert check(second, at=last) is None
    assert check(second, at=last - timedelta(microseconds=1)) is not None
    User.objects.filter(pk=made.user_id).update(is_active=False)
    assert check(first) is None, "the cached principal does not count where the row says otherwise"
