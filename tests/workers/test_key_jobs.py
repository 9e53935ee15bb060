"""What an HSM worker stores of a key that it has made."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from apps.domain.hsm_client.models import Job
from apps.domain.keys.models import Key, KeyVersion
from apps.hsm.types import StoredKey
from apps.workers.hsm_worker.key_jobs import KeyVersionJob

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 30, tzinfo=UTC)


def begin(key, *, after):
    """A version that is not made yet, as a rotation leaves it."""
    moment = NOW + timedelta(seconds=after)
    version = f"{after:032}"
    shape = {"custody": "wrapped", "key_type": "EC", "parameter": "P-256", "operations": ["sign"]}
    return KeyVersion.objects.create(key=key, version=version, created=moment, updated=moment, **shape)


def finish(row):
    work = KeyVersionJob(Job(subject_id=row.pk))
    with transaction.atomic():
        work.commit(StoredKey(work._binding, public_key=b"public", blob=b"blob", mac=b"mac"))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_version_that_was_begun_last_is_current_whichever_is_finished_last(vault, order):
    key = Key.objects.create(vault=vault, name="a", folded_name="a")
    rows = [begin(key, after=number) for number in range(3)]
    for place, number in enumerate(order):
        finish(rows[number])
        key.refresh_from_db()
        assert key.current_id == rows[max(order[: place + 1])].pk
    stored = KeyVersion.objects.select_related("protected").filter(key=key)
    assert {(row.state, bytes(row.protected.blob), row.protected.vault_id) for row in stored} == {
        ("ready", b"blob", vault.pk)
    }


def test_a_key_that_was_purged_meanwhile_gets_no_version(vault):
    key = Key.objects.create(vault=vault, name="a", folded_name="a")
    row = begin(key, after=0)
    work = KeyVersionJob(Job(subject_id=row.pk))
    Key.objects.filter(pk=key.pk).update(deleted=NOW, purge_after=NOW)
    row.delete()
    key.delete()
    with pytest.raises(Key.DoesNotExist):
        work.commit(StoredKey(work._binding, public_key=b"public", blob=b"blob", mac=b"mac"))
