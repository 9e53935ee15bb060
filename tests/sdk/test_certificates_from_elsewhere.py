"""Certificates that another authority signed: requests, merges, imports."""

import base64
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.certificates import (
    CertificateContentType,
    CertificatePolicy,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from tests.support.certificates import created, leaf, own_policy
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


def authority():
    key = ec.generate_private_key(ec.SECP256R1())
    return key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])


def signed(csr, *, key=None, public=None):
    signer, issuer = authority()
    now = datetime.now(UTC)
    request = x509.load_der_x509_csr(csr)
    assert request.is_signature_valid
    return (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(issuer)
        .public_key(public or request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=30))
        .sign(signer, hashes.SHA256())
    )


def with_request(certificates, name):
    """The operation, once the request is made: that happens in the background."""
    wait_until(lambda: certificates.get_certificate_operation(name).csr is not None, "a request", pause=0.1)
    return certificates.get_certificate_operation(name)


def test_a_request_is_signed_elsewhere_and_merged(certificates, secrets, name):
    poller = certificates.begin_create_certificate(name, own_policy(issuer_name="Unknown"))
    poller.wait()
    operation = with_request(certificates, name)
    assert (operation.status, operation.issuer_name) == ("inProgress", "Unknown")
    waiting = certificates.get_certificate(name)
    assert waiting.properties.enabled is False
    assert waiting.cer is None
    assert name not in {one.name for one in certificates.list_properties_of_certificates()}
    assert name in {one.name for one in certificates.list_properties_of_certificates(include_pending=True)}
    with pytest.raises(ResourceExistsError) as taken:
        certificates.begin_create_certificate(name, own_policy())
    assert taken.value.error.code == "Forbidden"
    other = signed(operation.csr, public=ec.generate_private_key(ec.SECP256R1()).public_key())
    with pytest.raises(HttpResponseError) as wrong:
        certificates.merge_certificate(name, [base64.b64encode(other.public_bytes(serialization.Encoding.DER))])
    assert wrong.value.status_code == 400
    good = signed(operation.csr)
    der = good.public_bytes(serialization.Encoding.DER)
    merged = certificates.merge_certificate(name, [base64.b64encode(der)])
    assert bytes(merged.cer) == der
    assert certificates.get_certificate_operation(name).status == "completed"
    private, inside, _ = pkcs12.load_key_and_certificates(base64.b64decode(secrets.get_secret(name).value), None)
    assert (private.public_key(), inside) == (good.public_key(), good)
    with pytest.raises(HttpResponseError) as again:
        certificates.merge_certificate(name, [base64.b64encode(der)])
    assert again.value.status_code == 400


def test_an_operation_is_cancelled_and_forgotten(certificates, name):
    certificates.begin_create_certificate(name, own_policy(issuer_name="Unknown")).wait()
    cancelled = certificates.cancel_certificate_operation(name)
    assert cancelled.cancellation_requested is True
    forgotten = certificates.delete_certificate_operation(name)
    assert forgotten.name == name
    with pytest.raises(ResourceNotFoundError) as gone:
        certificates.get_certificate_operation(name)
    assert gone.value.error.code == "PendingCertificateNotFound"
    with pytest.raises(ResourceNotFoundError):
        certificates.cancel_certificate_operation(name)
    assert created(certificates, name).cer


def bought():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "AU"), x509.NameAttribute(NameOID.COMMON_NAME, "bought")])
    )
    csr = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    return key, signed(csr)


@pytest.mark.parametrize("form", ["pfx", "pfx with a password", "pem", "encrypted pem"])
def test_a_bought_certificate_is_imported(certificates, keys, secrets, credential, name, form):
    key, certificate = bought()
    password = b"s3cret" if "password" in form or "encrypted" in form else None
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    if "pfx" in form:
        data = pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, protection)
        policy = None
    else:
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        data = pem + certificate.public_bytes(serialization.Encoding.PEM)
        policy = CertificatePolicy(issuer_name="Unknown", content_type=CertificateContentType.pem)
    made = certificates.import_certificate(name, data, password=password.decode() if password else None, policy=policy)
    assert leaf(made) == certificate
    assert made.policy.issuer_name == "Unknown"
    assert made.policy.subject == "CN=bought, C=AU"
    assert keys.get_key(name).key.n == key.public_key().public_numbers().n.to_bytes(256)
    value = secrets.get_secret(name).value
    if "pem" in form:
        assert value.startswith("-----BEGIN PRIVATE KEY-----")
    else:
        assert pkcs12.load_key_and_certificates(base64.b64decode(value), None)[1] == certificate
    if password:
        with pytest.raises(HttpResponseError) as wrong:
            certificates.import_certificate(f"{name}-2", data, password="wrong", policy=policy)
        assert wrong.value.status_code == 400


def test_a_pfx_that_hashes_for_an_hour_is_refused_at_once(certificates, name):
    key, certificate = bought()
    slow = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(1_000_001)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .build(b"s3cret")
    )
    data = pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, slow)
    started = time.monotonic()
    with pytest.raises(HttpResponseError) as refused:
        certificates.import_certificate(name, data, password="wrong")
    assert refused.value.status_code == 400
    assert "times" in refused.value.message
    assert time.monotonic() - started < 5
