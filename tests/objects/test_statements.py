"""Each statement of lists and facts reads what the models say."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.certificates.models import Certificate, CertificateVersion
from apps.domain.keys import queries as key_queries
from apps.domain.keys.kind import KEYS, KeyNotFound
from apps.domain.keys.models import KeyVersion
from apps.domain.secrets import queries as secret_queries
from apps.domain.secrets.kind import SECRETS, SecretNotFound
from apps.domain.secrets.models import Secret, SecretVersion
from tests.support import actors

pytestmark = pytest.mark.django_db

VERSIONS = ("a" * 32, "b" * 32, "c" * 32)
MOMENT = timezone.now().replace(microsecond=0)
ATTRIBUTES = {
    "enabled": False,
    "not_before": MOMENT,
    "expires": MOMENT + timedelta(days=9),
    "tags": {"a": "b"},
    "created": MOMENT - timedelta(days=2),
    "updated": MOMENT - timedelta(days=1),
}
NAMES = ("Alpha", "beta", "Gamma", "delta", "other", "unfinished")


def make_secret(vault, name, **fields):
    secret = Secret.objects.create(vault=vault, name=name, folded_name=name.lower(), **fields)
    for number, version in enumerate(VERSIONS):
        shown = {**ATTRIBUTES, "content_type": (None, "", "text")[number], "expires": None}
        secret.current = SecretVersion.objects.create(secret=secret, version=version, sealed=b"x", **shown)
    secret.save()
    return secret


def make_key(vault, name, **fields):
    key = actors.make_key(vault, name, versions=VERSIONS, **fields)
    KeyVersion.objects.filter(key=key, version=VERSIONS[1]).update(
        **ATTRIBUTES, exportable=True, custody="software", operations=["verify", "sign"], release_policy={"data": "x"}
    )
    KeyVersion.objects.filter(key=key, version=VERSIONS[2]).update(tags={"c": "d"})
    pending = {"created": MOMENT, "updated": MOMENT, "operations": []}
    KeyVersion.objects.create(key=key, version="d" * 32, **pending)
    return key


def make_certificate(vault, name, **fields):
    times = {"policy_created": MOMENT, "policy_updated": MOMENT}
    row = Certificate.objects.create(vault=vault, name=name, folded_name=name.lower(), policy={}, **times, **fields)
    key, secret = make_key(vault, f"{name}-key"), make_secret(vault, f"{name}-secret")
    for version in VERSIONS:
        row.current = CertificateVersion.objects.create(
            certificate=row,
            version=version,
            cer=b"cer",
            key_version=key.versions.get(version=version),
            secret_version=secret.versions.get(version=version),
            **ATTRIBUTES,
        )
    row.save()
    return row


MAKERS = {"key": (KEYS, make_key), "secret": (SECRETS, make_secret), "certificate": (CERTIFICATES, make_certificate)}


@pytest.fixture(params=MAKERS)
def kind(request, vault):
    """The kind, with objects in all states in the vault, and in another one."""
    kind, make = MAKERS[request.param]
    deletion = {"deleted": MOMENT, "purge_after": MOMENT + timedelta(days=7)}
    for name, fields in zip(NAMES, [{}, {"managed": True}, deletion, deletion, {}, {}], strict=True):
        make(actors.make_vault(vault.world, "elsewhere") if name == "other" else vault, name, **fields)
    kind.rows().filter(name="unfinished").update(current=None)
    return kind


def values(item, row, version):
    """The fields of an item, as its object's row and its version's have them."""
    names = type(item).__match_args__
    of_the_object = {"name", "managed", "policy_created"}
    return {name: getattr(row if name in of_the_object else version, name, None) for name in names}


def shown(item):
    return {name: getattr(item, name) for name in type(item).__match_args__}


def pages(load, cursor):
    """All items of a list, two at a time."""
    found = load(after="", limit=2)
    while page := load(after=cursor(found[-1]), limit=2) if found else []:
        found += page
    return found


@pytest.mark.parametrize("pending", [False, True])
def test_a_list_of_live_objects(kind, vault, pending):
    rows = kind.rows().filter(vault=vault, deleted__isnull=True).select_related("current").order_by("folded_name")
    expected = [row for row in rows if pending or row.current is not None]
    found = pages(lambda **page: kind.list_live(vault.pk, pending=pending, **page), lambda item: item.name.lower())
    assert {"Alpha", "beta"} <= {item.name for item in found}
    assert ("unfinished" in {item.name for item in found}) is pending
    assert [shown(item) for item in found] == [
        values(item, row, row.current) for item, row in zip(found, expected, strict=True)
    ]


def test_a_list_of_deleted_objects(kind, vault):
    rows = kind.rows().filter(vault=vault, deleted__isnull=False).select_related("current").order_by("folded_name")
    found = pages(lambda **page: kind.list_deleted(vault.pk, **page), lambda row: row.item.name.lower())
    assert [row.item.name for row in found] == ["delta", "Gamma"]
    assert [(shown(one.item), one.deleted, one.purge_after) for one in found] == [
        (values(one.item, row, row.current), row.deleted, row.purge_after) for one, row in zip(found, rows, strict=True)
    ]


@pytest.mark.parametrize("name", ["ALPHA", "gamma", "nobody"])
def test_a_list_of_versions(kind, vault, name):
    of = {f"{kind.name}__vault": vault, f"{kind.name}__folded_name": name.lower(), f"{kind.name}__deleted": None}
    rows = kind.versions().filter(**of).order_by("version")
    found = pages(lambda **page: kind.list_versions(vault.pk, name, **page), lambda item: item.version)
    assert [item.version for item in found] == (list(VERSIONS) if name == "ALPHA" else [])
    assert [shown(item) for item in found] == [
        values(item, getattr(row, kind.name), row) for item, row in zip(found, rows, strict=True)
    ]


@pytest.mark.parametrize("lock", [False, True])
@pytest.mark.parametrize("version", ["", *VERSIONS, VERSIONS[1].upper()])
def test_facts_of_a_key(vault, version, lock):
    make_key(vault, "Alpha")
    row = KEYS.get_version(vault.pk, "alpha", version)
    found = key_queries.find_facts(vault_id=vault.pk, name="ALPHA", version=version, lock=lock)
    assert found == key_queries.facts_of(row)
    assert found.version == (version.lower() or VERSIONS[-1])
    assert shown(found) == {
        **values(found, row.key, row),
        "public_key": bytes(row.protected.public_key),
    }


@pytest.mark.parametrize(
    ("name", "version"), [("gamma", ""), ("gamma", VERSIONS[0]), ("alpha", "d" * 32), ("alpha", "e" * 32), ("no", "")]
)
def test_facts_of_no_key(vault, name, version):
    make_key(vault, "Alpha")
    make_key(vault, "Gamma", deleted=MOMENT, purge_after=MOMENT)
    with pytest.raises(KeyNotFound) as error:
        key_queries.find_facts(vault_id=vault.pk, name=name, version=version)
    with pytest.raises(KeyNotFound, match=error.value.message[:60].replace("(", r"\(").replace(")", r"\)")):
        KEYS.get_version(vault.pk, name, version)


@pytest.mark.parametrize("lock", [False, True])
@pytest.mark.parametrize("version", ["", *VERSIONS])
def test_facts_of_a_secret(vault, version, lock):
    make_secret(vault, "Alpha")
    row = SECRETS.get_version(vault.pk, "alpha", version)
    found = secret_queries.find_facts(vault_id=vault.pk, name="Alpha", version=version, lock=lock)
    assert shown(found) == values(found, row.secret, row)
    with pytest.raises(SecretNotFound):
        secret_queries.find_facts(vault_id=vault.pk, name="nobody", version=version, lock=lock)
