"""What a stored key is bound to in each place of use: the same since 0.4, so that its keys need no new binding."""

import pytest

from apps.core.clock import now
from apps.domain.certificates.models import Issuer, IssuingAuthority
from apps.domain.identity.models import SigningKey
from apps.domain.keys.models import KeyVersion
from apps.hsm.types import Binding, Custody, KeyType
from apps.workers.hsm_worker import stored_keys
from tests.support import actors

pytestmark = pytest.mark.django_db


def bound(vault, name, version, *, key_type=KeyType.EC, parameter="P-256", operations=("sign",)):
    return Binding("europe", 1, Custody.WRAPPED, vault, name, version, key_type, parameter, operations)


def test_a_version_of_a_key(vault):
    actors.make_key(vault, "Signing")
    row = KeyVersion.objects.get()
    KeyVersion.objects.update(operations=["verify", "sign"])
    row.refresh_from_db()
    expected = bound(vault.pk.hex, "signing", "0" * 32, operations=("sign", "verify"))
    assert stored_keys.key_of_version(row).binding == expected


def test_the_key_of_a_vault(vault):
    expected = {"key_type": KeyType.OCT, "parameter": "256", "operations": ("seal",)}
    stored = stored_keys.key_of_vault(vault)
    assert stored.binding == bound(vault.pk.hex, "vault-key", vault.key.version, **expected)


def test_the_key_of_the_token_authority(vault):
    protected = actors.make_protected(vault.world, vault, name="token-authority")
    row = SigningKey.objects.create(protected=protected, world_name="europe", created=now())
    assert stored_keys.key_of_signing_key(row).binding == bound("", "token-authority", protected.version)


def test_the_key_of_a_built_in_issuer(vault):
    issuer = Issuer.objects.create(vault=vault, name="Own", folded_name="own", created=now(), updated=now())
    protected = actors.make_protected(vault.world, vault, name="x")
    row = IssuingAuthority.objects.create(issuer=issuer, protected=protected, created=now())
    expected = bound(vault.pk.hex, f"issuer/{issuer.pk.hex}", protected.version)
    assert stored_keys.key_of_authority(row).binding == expected
