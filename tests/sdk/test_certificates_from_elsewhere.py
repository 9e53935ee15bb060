"""Certificates that another authority signed: requests, merges, imports."""

import base64
import json
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
from tests.support.foreign import AUTHORITY_KEY, certificate, der, key_pem, p7b, pem
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


PEM_TYPE = "application/x-pem-file"


@pytest.fixture(scope="module")
def ask(stack):
    """Send a request of the vault's API as no SDK would."""
    http, token = stack.http(), stack.token()

    def send(method, path, body=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"{stack.vault_url}{path}?api-version=7.6"
        return http.request(method, url, body=None if body is None else json.dumps(body).encode(), headers=headers)

    return send


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


def test_a_new_certificate_of_an_authority_elsewhere_has_its_request_at_once(ask, name):
    policy = {"x509_props": {"subject": 'CN=a, O="Contoso, Ltd."'}, "issuer": {"name": "Unknown"}}
    answer = ask("POST", f"/certificates/{name}/create", {"policy": policy})
    assert answer.status == 202
    pending = answer.json()
    assert pending["status"] == "inProgress"
    assert pending["status_details"].startswith("Pending certificate created. Certificate request is in progress.")
    request = x509.load_der_x509_csr(base64.b64decode(pending["csr"]))
    assert request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Contoso, Ltd."
    merged = ask("POST", f"/certificates/{name}/pending/merge", {"x5c": [p7b_of(request)], "tags": {"a": "b"}})
    assert merged.status == 201
    assert merged.json()["tags"] == {"a": "b"}


def p7b_of(request):
    """PKCS#7 of an authority and the certificate that it made of the request, the authority first."""
    key, issuer = authority()
    now = datetime.now(UTC)
    root = certificate("An authority", key=key, signer=key)
    made = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(issuer)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(p7b(root, made)).decode()


def test_the_order_of_an_import_is_kept_where_it_is_asked_for(certificates, secrets, ask, name):
    order = [certificate("root", key=AUTHORITY_KEY), certificate("leaf")]
    value = base64.b64encode(pem(*order) + key_pem()).decode()
    for preserved in (True, False):
        body = {"value": value, "preserveCertOrder": preserved, "policy": {"secret_props": {"contentType": PEM_TYPE}}}
        answer = ask("POST", f"/certificates/{name}/import", body)
        assert answer.status == 200, answer.data
        assert base64.b64decode(answer.json()["cer"]) == der(order[1])
        in_secret = x509.load_pem_x509_certificates(secrets.get_secret(name).value.encode())
        assert in_secret == (order if preserved else order[::-1])


def test_an_import_is_described_and_renewed_with_its_own_name(certificates, ask, name):
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Contoso, Ltd."),
            x509.NameAttribute(NameOID.COMMON_NAME, "payroll"),
        ]
    )
    upn = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x06a@b.de")
    value = base64.b64encode(pem(certificate(subject, names=[upn])) + key_pem()).decode()
    imported = ask("POST", f"/certificates/{name}/import", {"value": value}).json()
    assert imported["policy"]["x509_props"]["subject"] == 'CN=payroll, O="Contoso, Ltd."'
    assert imported["policy"]["x509_props"]["sans"] == {"upns": ["a@b.de"]}
    changed = ask("PATCH", f"/certificates/{name}/policy", {"issuer": {"name": "Self"}})
    assert changed.status == 200, changed.data
    assert ask("POST", f"/certificates/{name}/create", {}).status == 202
    wait_until(
        lambda: certificates.get_certificate_operation(name).status == "completed", "the renewed certificate", pause=0.1
    )
    assert leaf(certificates.get_certificate(name)).subject == subject


def test_a_certificate_that_we_would_not_make_is_imported(ask, name):
    names = [x509.DNSName(f"h{number}.example") for number in range(251)]
    made = certificate("x", names=names, not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    value = base64.b64encode(pem(made) + key_pem()).decode()
    answer = ask("POST", f"/certificates/{name}/import", {"value": value})
    assert answer.status == 200, answer.data
    assert answer.json()["attributes"]["exp"] == 253402300799
    assert len(answer.json()["policy"]["x509_props"]["sans"]["dns_names"]) == 251
    assert ask("GET", f"/certificates/{name}").status == 200
    refused = ask("POST", f"/certificates/{name}/create", {})
    assert refused.status == 400
    assert "250" in refused.json()["error"]["message"] or "months" in refused.json()["error"]["message"]


def test_what_belongs_to_a_deleted_certificate_is_in_no_deleted_list(certificates, keys, secrets, name):
    created(certificates, name)
    certificates.begin_delete_certificate(name).wait()
    assert name in {one.name for one in certificates.list_deleted_certificates()}
    assert name not in {one.name for one in keys.list_deleted_keys()}
    assert name not in {one.name for one in secrets.list_deleted_secrets()}
    assert keys.get_deleted_key(name).properties.managed
    assert secrets.get_deleted_secret(name).properties.name == name
