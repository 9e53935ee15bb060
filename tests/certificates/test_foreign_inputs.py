"""Certificates as others make and send them: each form is taken, or refused with the reason; never half of it."""

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from apps.core.foreign_certificates import UnreadableCertificate, read_certificate, read_certificates_pem
from apps.core.pem import BadPem, is_pem, read_pem
from apps.domain.certificates.containers import parse_container
from apps.domain.certificates.description import policy_of
from apps.domain.certificates.merged_chain import read_x5c
from apps.domain.certificates.policy import PEM, PKCS12, validate_policy
from apps.domain.certificates.x509 import BadCertificate, as_secret, check_creatable, load, pfx_to_pem
from tests.support import foreign
from tests.support.foreign import KEY, PASSWORD, certificate, der, key_pem, p7b, pem, pfx

ROOT = certificate("root", key=foreign.AUTHORITY_KEY)
MIDDLE = certificate("middle", key=ec.generate_private_key(ec.SECP256R1()))
LEAF = certificate("leaf")


def b64(data):
    return base64.b64encode(data).decode()


def parsed(data, *, password=None, preserve_order=False):
    value = data if isinstance(data, str) else b64(data)
    return parse_container(value, password=password, preserve_order=preserve_order)


BAGS = b"Bag Attributes\n    friendlyName: payroll\n    localKeyID: 01 02\nKey Attributes: <No Attributes>\n"


@pytest.mark.parametrize(
    "text",
    [
        BAGS + key_pem() + BAGS + b"subject=CN = leaf\nissuer=CN = root\n" + pem(LEAF),
        b"# from the portal of the authority\n" + pem(LEAF) + b"\n# the key\n" + key_pem(),
        (key_pem() + pem(LEAF)).replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + key_pem() + pem(LEAF),
        key_pem(traditional=True) + pem(LEAF),
        "Ünïcode\n".encode() + key_pem() + pem(LEAF),
    ],
    ids=["bag attributes", "comments", "CRLF", "BOM", "traditional", "UTF-8 comment"],
)
def test_text_around_the_blocks_of_pem_is_ignored(text):
    for value in (text.decode("utf-8"), b64(text)):
        imported = parsed(value)
        assert (imported.leaf, imported.chain, imported.content_type) == (LEAF, [LEAF], PEM)
        assert imported.key.private_numbers() == KEY.private_numbers()


def test_utf16_of_a_windows_shell_is_read():
    assert parsed((key_pem() + pem(LEAF)).decode().encode("utf-16")).leaf == LEAF


def test_what_openssl_writes_is_imported(tmp_path):
    file = tmp_path / "x.pfx"
    file.write_bytes(pfx(LEAF, [MIDDLE]))
    nodes = foreign.openssl("pkcs12", "-in", str(file), "-nodes", "-passin", f"pass:{PASSWORD}")
    assert b"Bag Attributes" in nodes
    assert parsed(nodes).chain == [LEAF, MIDDLE]
    text = foreign.openssl("x509", "-text", data=pem(LEAF))
    assert parsed(text + key_pem()).leaf == LEAF
    parameters = foreign.openssl("ecparam", "-name", "prime256v1", "-genkey")
    assert b"EC PARAMETERS" in parameters
    key = serialization.load_pem_private_key(parameters[parameters.index(b"-----BEGIN EC PRIVATE") :], None)
    assert parsed(parameters + pem(certificate(key=key))).key.private_numbers() == key.private_numbers()


@pytest.mark.parametrize(
    ("data", "password", "reason"),
    [
        (pem(LEAF), None, "it has 0"),
        (key_pem() + key_pem() + pem(LEAF), None, "it has 2"),
        (key_pem(), None, "it has 0"),
        (key_pem() + pem(ROOT), None, "belongs to its private key"),
        (key_pem() + pem(LEAF)[:-30], None, "'END' is missing"),
        (key_pem() + pem(LEAF).replace(b"MII", b"M*I", 1), None, "not valid base64"),
        (key_pem() + pem(LEAF) + b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", None, "'X509 CRL'"),
        (key_pem(password=PASSWORD) + pem(LEAF), None, "none was sent"),
        (key_pem(password=PASSWORD) + pem(LEAF), "wrong", "password is wrong"),
        (pfx(LEAF), None, "none was sent"),
        (pfx(LEAF), "wrong", "password is wrong"),
        (pem(LEAF) + key_pem(ed25519.Ed25519PrivateKey.generate()), None, "RSA of 2048"),
        (pem(LEAF) + key_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), None, "RSA of 2048"),
        ("neither *", None, "neither PEM nor base64"),
        (b"nothing", "x", "password is wrong, or"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_the_reason(data, password, reason):
    with pytest.raises(BadCertificate, match=reason):
        parsed(data, password=password)


@pytest.mark.parametrize("traditional", [False, True])
def test_an_encrypted_key_is_read_with_its_password(traditional):
    text = key_pem(password=PASSWORD, traditional=traditional) + pem(LEAF)
    assert parsed(text, password=PASSWORD).key.private_numbers() == KEY.private_numbers()


def test_an_authority_with_another_kind_of_key_may_stand_before_the_certificate():
    other = certificate("root", key=ed25519.Ed25519PrivateKey.generate())
    assert parsed(key_pem() + pem(other, LEAF)).chain == [LEAF, other]


TRIPLE_DES = (
    serialization.PrivateFormat.PKCS12.encryption_builder()
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())
    .build(PASSWORD.encode())
)


@pytest.mark.parametrize("content_type", [PEM, PKCS12])
@pytest.mark.parametrize("form", ["pem", "plain", "aes", "3des"])
def test_preserve_order_keeps_the_order_of_the_import(form, content_type):
    order = [ROOT, MIDDLE, LEAF]
    if form == "pem":
        data, password = pem(*order) + key_pem(), None
    else:
        password = None if form == "plain" else PASSWORD
        data = pfx(LEAF, [ROOT, MIDDLE], password=password, protection=TRIPLE_DES if form == "3des" else None)
        order = [LEAF, ROOT, MIDDLE]
        if form == "plain":
            data = base64.b64decode(as_secret([ROOT, MIDDLE, LEAF], KEY, content_type=PKCS12))
            order = [ROOT, MIDDLE, LEAF]
    kept = parsed(data, password=password, preserve_order=True)
    assert (kept.leaf, kept.chain) == (LEAF, order)
    secret = as_secret(kept.chain, kept.key, content_type=content_type)
    text = secret if content_type == PEM else pfx_to_pem(secret)
    assert [block.der for block in read_pem(text.encode()) if block.label == "CERTIFICATE"] == [der(c) for c in order]
    assert parsed(data, password=password).chain[0] == LEAF


def test_a_reordered_pfx_is_read_by_others():
    value = base64.b64decode(as_secret([ROOT, MIDDLE, LEAF], KEY, content_type=PKCS12))
    key, leaf, others = pkcs12.load_key_and_certificates(value, None)
    assert (key.private_numbers(), leaf, set(others)) == (KEY.private_numbers(), LEAF, {ROOT, MIDDLE})
    listed = foreign.openssl("pkcs12", "-nodes", "-passin", "pass:", data=value).decode()
    subjects = [line for line in listed.splitlines() if line.startswith("subject=")]
    assert [subject.rpartition("=")[2].strip() for subject in subjects] == ["root", "middle", "leaf"]


def test_a_secret_without_the_keys_certificate_is_not_made():
    for content_type in (PKCS12,):
        with pytest.raises(BadCertificate):
            as_secret([ROOT], KEY, content_type=content_type)


@pytest.mark.parametrize(
    ("entries", "chain"),
    [
        ([b64(der(LEAF))], [LEAF]),
        ([b64(b64(der(LEAF)).encode())], [LEAF]),
        ([b64(pem(LEAF, ROOT))], [LEAF, ROOT]),
        ([pem(LEAF, ROOT).decode()], [LEAF, ROOT]),
        ([b64(b"subject=CN = leaf\n" + pem(LEAF)), b64(der(ROOT))], [LEAF, ROOT]),
    ],
)
def test_each_certificate_of_a_merge_counts(entries, chain):
    assert read_x5c(entries) == chain


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_a_merge_takes_pkcs7(encoding):
    assert set(read_x5c([b64(p7b(LEAF, ROOT, encoding=encoding))])) == {LEAF, ROOT}


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [b64(der(LEAF))] * 17,
        ["*"],
        [b64(b"nothing")],
        [b64(key_pem())],
        [b64(pem(*[LEAF] * 17))],
        [b64(pem(LEAF) + key_pem())],
        [""],
    ],
    ids=range(8),
)
def test_a_merge_without_certificates_is_refused(entries):
    with pytest.raises(BadCertificate):
        read_x5c(entries)


LATIN = "pfSense-ü".encode("latin-1")


@pytest.mark.parametrize("tag", [0x0C, 0x14, 0x13, 0x16, 0x1E, 0x04])
def test_a_subject_in_an_odd_encoding_is_read_or_refused(tag):
    foreign_der = foreign.with_subject_type(tag, LATIN)
    try:
        made = read_certificate(foreign_der)
    except UnreadableCertificate:
        with pytest.raises(BadCertificate):
            load(foreign_der)
        return
    assert policy_of(made, content_type=PEM).subject.startswith("CN=")


def test_a_name_in_latin_1_is_refused():
    with pytest.raises(UnreadableCertificate, match="subject"):
        read_certificate(foreign.with_subject_type(0x0C, LATIN))


def test_duplicate_extensions_are_refused():
    unknown = [x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.{n}"), b"x") for n in (4, 5)]
    good = der(certificate(extensions=unknown))
    with pytest.raises(UnreadableCertificate, match="extensions"):
        read_certificate(good.replace(bytes.fromhex("06032a0305"), bytes.fromhex("06032a0304")))


def test_a_certificate_that_never_expires_is_described():
    made = certificate(not_after=dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC))
    policy = policy_of(made, content_type=PEM)
    assert int(made.not_valid_after_utc.timestamp()) == 253402300799
    assert policy.validity_months == 95_712
    validate_policy(policy, described=policy)


def test_more_names_than_we_make_and_names_that_we_do_not_make_are_described():
    many = policy_of(certificate(names=[x509.DNSName(f"h{n}.example") for n in range(251)]), content_type=PEM)
    assert len(many.dns_names) == 251
    validate_policy(many, described=many)
    odd = der(certificate(names=[x509.DNSName("old.host")])).replace(b"old.host", b"old host")
    blank = policy_of(read_certificate(odd), content_type=PEM)
    assert blank.dns_names == ("old host",)
    validate_policy(blank, described=blank)


def test_user_principal_names_are_described():
    name = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x06a@b.de")
    other = x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x0c\x01x")
    policy = policy_of(certificate(names=[name, other]), content_type=PEM)
    assert policy.upns == ("a@b.de",)
    check_creatable(policy)


def test_blocks_keep_what_is_secret_out_of_their_text():
    [block, _] = read_pem(key_pem() + pem(LEAF))
    assert block.private
    assert not block.encrypted
    assert b64(block.der)[:20] not in repr(block)
    assert read_pem(block.text()) == [block]


def test_pem_is_known_by_a_boundary_anywhere():
    assert is_pem(b"x\n-----BEGIN A-----")
    assert not is_pem(b"-----END A-----")
    for broken in (
        b"-----BEGIN ",
        b"-----BEGIN -----\n-----END -----",
        b"-----BEGIN A-----\n-----BEGIN A-----\n-----END A-----",
    ):
        with pytest.raises(BadPem):
            read_pem(broken)
    with pytest.raises(UnreadableCertificate):
        read_certificates_pem(b"no certificate")
