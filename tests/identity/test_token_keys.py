"""The keys that sign access tokens: which one signs, which verify, when the scheduler rotates and retires them."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant, system_grant
from apps.domain.hsm_client.models import Job
from apps.domain.identity import queries, token_keys, tokens
from apps.domain.identity.models import SigningKey
from apps.domain.identity.rules import ANNOUNCE_SECONDS, TOKEN_SECONDS
from apps.domain.vaults.models import Vault
from tests.support.tokens import Authority

pytestmark = pytest.mark.django_db


def authority(*, age):
    """An authority whose key was made so long ago."""
    made = Authority(Vault.objects.get())
    moment = now() - age
    SigningKey.objects.filter(pk=made.row.pk).update(created=moment, ready=moment)
    return made


def rotate_due(days=90):
    return token_keys.rotate_due(grant=scheduled_grant(), days=days, now=now())


def retire_superseded():
    return token_keys.retire_superseded(grant=scheduled_grant(), now=now())


def ordered():
    return SigningKey.objects.filter(protected__isnull=True, retired__isnull=True)


def test_a_new_key_verifies_at_once_and_signs_when_every_process_knows_it(vault, people):
    old, new = authority(age=timedelta(days=1)), authority(age=timedelta(seconds=ANNOUNCE_SECONDS - 2))
    assert [key.pk for key in queries.list_signing_keys()] == [old.row.pk, new.row.pk]
    assert tokens.authenticate(new.token(people.app)).id == people.app.id
    SigningKey.objects.filter(pk=new.row.pk).update(ready=now() - timedelta(seconds=ANNOUNCE_SECONDS))
    queries._signing_keys.clear()
    assert [key.pk for key in queries.list_signing_keys()] == [new.row.pk, old.row.pk]


def test_a_key_of_an_earlier_version_counts_from_its_creation(vault):
    old, new = authority(age=timedelta(days=2)), authority(age=timedelta(days=1))
    SigningKey.objects.update(ready=None)
    assert [key.pk for key in queries.list_signing_keys()] == [new.row.pk, old.row.pk]


def test_the_key_that_signs_is_never_a_retired_one(vault):
    old, new = authority(age=timedelta(days=2)), authority(age=timedelta(days=1))
    assert queries.get_signing_key().pk == new.row.pk
    SigningKey.objects.filter(pk=new.row.pk).update(retired=now())
    assert queries.list_signing_keys()[0].pk == new.row.pk, "the list is cached, and no change was read"
    assert queries.get_signing_key().pk == old.row.pk
    third = authority(age=timedelta(hours=1))
    assert queries.get_signing_key().pk == third.row.pk
    SigningKey.objects.update(retired=now())
    with pytest.raises(queries.NotInitialised):
        queries.get_signing_key()


def test_the_scheduler_orders_one_key_when_the_newest_is_old_enough(vault):
    authority(age=timedelta(days=91))
    assert rotate_due(days=0) == rotate_due(days=92) == 0
    assert rotate_due() == 1
    assert Job.objects.get(subject_id=ordered().get().pk).kind == "hsm.create_signing_key"
    assert rotate_due() == 0  # the order waits for the HSM


def test_an_order_that_the_hsm_never_carried_out_is_repeated(vault):
    authority(age=timedelta(days=91))
    rotate_due()
    lost = ordered().get()
    SigningKey.objects.filter(pk=lost.pk).update(created=now() - timedelta(hours=2))
    assert rotate_due() == 1
    assert ordered().get().pk != lost.pk


def test_a_replaced_key_verifies_until_its_last_token_has_expired(vault, people, a_second_later):
    last_use = timedelta(seconds=ANNOUNCE_SECONDS + TOKEN_SECONDS)
    old, new = authority(age=timedelta(days=91)), authority(age=last_use)
    assert retire_superseded() == 0
    assert tokens.authenticate(old.token(people.app)).id == people.app.id
    SigningKey.objects.filter(pk=new.row.pk).update(ready=now() - token_keys.OVERLAP)
    assert (retire_superseded(), retire_superseded()) == (1, 0)
    a_second_later()
    with pytest.raises(tokens.TokenRejected):
        tokens.authenticate(old.token(people.app))
    assert tokens.authenticate(new.token(people.app)).id == people.app.id


def test_keys_are_retired_at_once_also_when_the_hsm_cannot_make_another(vault, monkeypatch):
    authority(age=timedelta(days=1))
    monkeypatch.setattr("apps.domain.hsm_client.client.WAIT_SECONDS", 0.1)  # no worker runs here
    grant = system_grant(Permission.SIGNING_KEYS_CHANGE, origin="tests")
    with pytest.raises(VaultError):
        token_keys.retire_at_once(grant=grant, now=now())
    assert not SigningKey.objects.filter(protected__isnull=False, retired__isnull=True).exists()
