"""Access tokens: believed for what they say, while it is true."""

import time
import uuid

import jwt
import pytest

from apps.domain.hsm_client.lane_client import ProtectedKeyAltered
from apps.domain.identity import tokens
from apps.domain.identity.models import ApplicationIdentity, ClientSecret, SigningKey, User
from apps.domain.identity.queries import addresses, check_client_secret, hash_secret
from tests.support import actors
from tests.support.tokens import Authority

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(vault, people):
    return Authority(vault)


def refused(token, code):
    with pytest.raises(tokens.TokenRejected) as error:
        tokens.authenticate(token)
    assert error.value.message.startswith(code), error.value.message


def test_a_good_token_is_its_application(authority, people):
    for _ in range(2):
        principal = tokens.authenticate(authority.token(people.app))
        assert (principal.id, principal.client_id) == (people.app.id, people.app.client_id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "https://management.azure.com"}, "AKV10022"),
        ({"aud": "RESOURCE/"}, "AKV10022"),
        ({"aud": ["RESOURCE"]}, "AKV10022"),
        ({"iss": "https://evil.example/v2.0"}, "AKV10032"),
        ({"tid": str(uuid.uuid4())}, "AKV10032"),
        ({"exp": 1}, "AKV10021"),
        ({"exp": "soon"}, "AKV10046"),
        ({"exp": float("nan")}, "AKV10021"),
        ({"exp": float("inf")}, "AKV10021"),
        ({"exp": 4_000_000_000}, "AKV10021"),  # for longer than the service issues
        ({"exp": 4_000_000_000, "iat": 3_999_999_000}, "AKV10021"),
        ({"iat": float("nan")}, "AKV10021"),
        ({"exp": None}, "AKV10046"),
        ({"nbf": 4_000_000_000}, "AKV10021"),
        ({"aud": None}, "AKV10046"),
        ({"appid": "not-an-id"}, "AKV10046"),
        ({"appid": str(uuid.uuid4())}, "AKV10048"),
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_now_is_refused(authority, people, changes, code):
    def fill(value):
        if isinstance(value, list):
            return [fill(item) for item in value]
        return value.replace("RESOURCE", addresses().resource) if isinstance(value, str) else value

    changes = {name: fill(value) for name, value in changes.items()}
    try:
        token = authority.token(people.app, **changes)
    except (ValueError, TypeError):
        pytest.fail("the test could not make its token")
    refused(token, code)


def test_a_signing_key_that_the_hsm_has_not_bound_verifies_no_token(authority, people):
    def refuse(key):
        raise ProtectedKeyAltered(str(key.pk))

    with pytest.raises(ProtectedKeyAltered):
        tokens.authenticate(authority.token(people.app), check_key=refuse)


def test_a_token_expires_also_when_it_is_remembered(authority, people):
    token = authority.token(people.app, exp=int(time.time()) + 2)
    tokens.authenticate(token)
    time.sleep(2.1)
    refused(token, "AKV10021")


def test_a_disabled_application_is_out_within_a_second(authority, people, a_second_later):
    token = authority.token(people.app)
    tokens.authenticate(token)
    User.objects.filter(pk=people.app.id).update(is_active=False)
    a_second_later()
    refused(token, "AKV10048")


def test_a_retired_key_is_out_within_a_second(authority, people, a_second_later):
    from apps.core.clock import now

    token = authority.token(people.app)
    tokens.authenticate(token)
    Authority(people_vault(people))
    SigningKey.objects.filter(pk=authority.row.pk).update(retired=now())
    a_second_later()
    refused(token, "AKV10046")


def people_vault(_people):
    from apps.domain.vaults.models import Vault

    return Vault.objects.get()


def test_what_the_header_says_of_keys_is_ignored(authority, people):
    from cryptography.hazmat.primitives.asymmetric import ec

    own = ec.generate_private_key(ec.SECP256R1())
    claims = jwt.decode(authority.token(people.app), options={"verify_signature": False})
    for header in (
        {"kid": authority.row.pk.hex, "jku": "https://evil.example"},
        {"kid": authority.row.pk.hex, "jwk": jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True)},
        {"kid": "../../etc/passwd"},
        {},
    ):
        refused(jwt.encode(claims, own, algorithm="ES256", headers=header), "AKV10046")


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "ü.ü.ü", "\ud800", "x" * 20_000, "..", "e30.e30."])
def test_other_text_is_no_token(authority, token):
    refused(token, "AKV10046")


def test_client_secrets_are_kept_as_digests_and_expire(people):
    from datetime import timedelta

    from apps.core.clock import now

    application = ApplicationIdentity.objects.get(pk=people.app.id)
    salt = b"0123456789abcdef"
    row = ClientSecret.objects.create(
        application=application,
        salt=salt,
        digest=hash_secret(salt, "right"),
        created=now(),
        expires=now() + timedelta(1),
    )
    assert b"right" not in bytes(row.digest)
    client = application.client_id
    assert check_client_secret(client_id=client, secret="right", now=now()).id == people.app.id
    assert check_client_secret(client_id=client, secret="wrong", now=now()) is None
    assert check_client_secret(client_id=uuid.uuid4(), secret="right", now=now()) is None
    assert check_client_secret(client_id=client, secret="right", now=now() + timedelta(2)) is None


def test_a_person_has_exactly_one_duty():
    from django.db import IntegrityError, transaction

    for wrong in (
        {"kind": "person", "duty": None},
        {"kind": "application", "duty": "auditor"},
        {"kind": "person", "duty": "root"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create(username=str(uuid.uuid4()), **wrong)


def test_there_is_one_organisation():
    from django.db import IntegrityError, transaction

    from apps.domain.identity.models import Organisation

    actors.make_organisation()
    with pytest.raises(IntegrityError), transaction.atomic():
        Organisation.objects.create(tenant_id=uuid.uuid4(), name="second")
