"""Assertions that an application signs with the key of a certificate: one address uses each (RFC 7523)."""

import base64
import datetime as dt
import hashlib
import time
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.clock import now
from apps.domain.identity.client_assertions import verify_assertion
from apps.domain.identity.models import ApplicationIdentity, ClientCertificate, UsedAssertion
from apps.domain.identity.queries import addresses
from tests.support import actors
from tests.support.self_signed import self_signed

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def application(people, key):
    certificate, moment = self_signed(key, ends=1), now()
    der = certificate.public_bytes(serialization.Encoding.DER)
    row = ApplicationIdentity.objects.get(client_id=people.app.client_id)
    ClientCertificate.objects.create(
        application=row,
        der=der,
        sha1=hashlib.sha1(der, usedforsecurity=False).digest(),
        sha256=hashlib.sha256(der).digest(),
        subject="CN=app",
        created=moment,
        expires=moment + dt.timedelta(days=1),
    )
    return row


def assertion(application, key, *, seconds=600, audience="", encode=base64.urlsafe_b64encode):
    client = str(application.client_id)
    audience = audience or addresses().issuer(actors.TENANT)
    claims = {"iss": client, "sub": client, "aud": audience, "jti": uuid.uuid4().hex, "exp": int(time.time()) + seconds}
    der = bytes(ClientCertificate.objects.get(application=application).der)
    return jwt.encode(
        claims, key, algorithm="RS256", headers={"x5t#S256": encode(hashlib.sha256(der).digest()).decode()}
    )


def sign_in(application, text, address):
    return verify_assertion(client_id=application.client_id, assertion=text, issuer_keys={}, address=address, now=now())


def test_an_assertion_gives_no_token_to_a_second_address(application, key):
    actors.make_organisation()
    text = assertion(application, key)
    assert sign_in(application, text, "192.0.2.1").client_id == str(application.client_id)
    assert sign_in(application, text, "192.0.2.1") is not None  # MSAL sends one assertion again
    assert sign_in(application, text, "192.0.2.2") is None
    assert sign_in(application, assertion(application, key), "192.0.2.2") is not None


@pytest.mark.parametrize("ending", ["==", "="])
def test_another_spelling_of_the_signature_is_the_same_assertion(application, key, ending):
    text = assertion(application, key)
    assert sign_in(application, text, "192.0.2.1") is not None
    assert sign_in(application, text + ending, "192.0.2.2") is None


def test_an_assertion_that_is_refused_is_not_remembered(application, key):
    actors.make_organisation()
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert sign_in(application, assertion(application, other), "192.0.2.1") is None
    assert sign_in(application, assertion(application, key, seconds=-1), "192.0.2.1") is None
    assert not UsedAssertion.objects.exists()


@pytest.mark.parametrize("host", ["login", "auth"])
@pytest.mark.parametrize("path", ["{}/oauth2/v2.0/token", "{}/oauth2/token", "adfs/oauth2/token"])
def test_each_token_endpoint_is_an_audience(application, key, host, path):
    actors.make_organisation()
    ours = f"https://{host}.{addresses().authority_part}/{path.format(actors.TENANT)}"
    assert sign_in(application, assertion(application, key, audience=ours), "192.0.2.1") is not None
    for other in (f"{ours}/", ours.replace("https://", "https://x."), ours.replace("/oauth2", "/x/oauth2")):
        assert sign_in(application, assertion(application, key, audience=other), "192.0.2.1") is None


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("digits", ["+", "/"])
def test_the_thumbprint_may_be_in_standard_base64(application, key, encode, digits):
    """MSAL for Go writes it so; three quarters of all thumbprints have one of these digits."""
    row = ClientCertificate.objects.get(application=application)
    while digits not in base64.b64encode(hashlib.sha256(bytes(row.der)).digest()).decode():
        row.der = self_signed(key, ends=1).public_bytes(serialization.Encoding.DER)
    row.sha256 = hashlib.sha256(bytes(row.der)).digest()
    ClientCertificate.objects.filter(pk=row.pk).update(der=row.der, sha256=row.sha256)
    assert sign_in(application, assertion(application, key, encode=encode), "192.0.2.1") is not None
    other = base64.b64encode(hashlib.sha256(b"other").digest())
    assert sign_in(application, assertion(application, key, encode=lambda _: other), "192.0.2.1") is None
