"""What an import's password may cost: the same bound wherever the number of rounds, or the memory, stands."""

import base64
import json
import time

import pytest
from asn1crypto import keys
from asn1crypto import pkcs12 as asn1
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from apps.core.limited_process import TooMuchWork, run_limited
from apps.core.pem import read_pem
from apps.domain.certificates import unlocking
from apps.domain.certificates.container_work import MOST_ROUNDS, is_too_much
from apps.domain.certificates.containers import parse_container
from apps.domain.certificates.x509 import BadCertificate
from tests.support import foreign
from tests.support.foreign import KEY, PASSWORD, certificate, key_pem, pem, pfx

LEAF = certificate()
MODULE = "apps.domain.certificates.unlocking"
MANY = 1_200_000


def b64(data):
    return base64.b64encode(data).decode()


def refused(data):
    with pytest.raises(BadCertificate, match="hashes its password"):
        parse_container(b64(data), password=PASSWORD)


def encrypted(*arguments, **numbers):
    """An encrypted PKCS#8 key, with these numbers in the parameters of its derivation, which nobody computed."""
    made = foreign.openssl("pkcs8", "-topk8", *arguments, "-passout", f"pass:{PASSWORD}", data=key_pem())
    [block] = read_pem(made)
    info = keys.EncryptedPrivateKeyInfo.load(block.der)
    parameters = info["encryption_algorithm"]["parameters"]
    for name, number in numbers.items():
        (parameters if name == "iterations" else parameters["key_derivation_func"]["parameters"])[name] = number
    return block._replace(der=info.dump(force=True)).text()


def scrypt(block_size=8):
    """An encrypted key whose scrypt (RFC 7914) takes 2 MB for each unit of the block size, which nobody computed."""
    [block] = read_pem(encrypted("-scrypt"))
    cost, usual, altered = bytes.fromhex("02024000"), b"\x02\x01\x08", bytes([2, 1, block_size])
    return block._replace(der=foreign.with_bytes(block.der, cost + usual, cost + altered)).text()


def test_rounds_of_a_pfx():
    slow = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(MANY)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .build(PASSWORD.encode())
    )
    refused(pfx(LEAF, protection=slow))


def test_rounds_of_an_encrypted_pem_key():
    refused(encrypted(iteration_count=MANY) + pem(LEAF))
    refused(encrypted("-v1", "PBE-SHA1-3DES", iterations=MANY) + pem(LEAF))


def test_memory_of_scrypt():
    refused(scrypt(64) + pem(LEAF))
    assert parse_container(b64(scrypt() + pem(LEAF)), password=PASSWORD).key.private_numbers() == KEY.private_numbers()


def pbmac1(rounds):
    """MacData whose rounds stand in the parameters of PBMAC1 (RFC 9579)."""
    container = asn1.Pfx.load(pfx(LEAF))
    number = rounds.to_bytes(4)
    pbkdf2 = bytes.fromhex("301906092a864886f70d01050c300c040431323334") + b"\x02\x04" + number
    parameters = bytes([0x30, len(pbkdf2)]) + pbkdf2
    pbmac1_oid = bytes.fromhex("06092a864886f70d01050e")
    algorithm = pbmac1_oid + parameters
    digest = bytes([0x30, len(algorithm)]) + algorithm + b"\x04\x04abcd"
    mac = bytes([0x30, len(digest)]) + digest + b"\x04\x04salt"
    whole = container["version"].dump() + container["auth_safe"].dump() + bytes([0x30, len(mac)]) + mac
    return b"\x30\x82" + len(whole).to_bytes(2) + whole


def test_rounds_of_pbmac1():
    assert not is_too_much(pbmac1(2048))
    refused(pbmac1(MANY))


def test_a_bag_in_a_bag_of_bags():
    slow = encrypted(iteration_count=MANY)
    [block] = read_pem(slow)
    shrouded = block.der
    key_bag = _sequence(bytes.fromhex("060b2a864886f70d010c0a0102") + _tagged(0xA0, shrouded))
    bag_of_bags = _sequence(bytes.fromhex("060b2a864886f70d010c0a0106") + _tagged(0xA0, _sequence(key_bag)))
    safe = _sequence(
        _sequence(bytes.fromhex("06092a864886f70d010701") + _tagged(0xA0, _tagged(0x04, _sequence(bag_of_bags))))
    )
    whole = _sequence(
        b"\x02\x01\x03" + _sequence(bytes.fromhex("06092a864886f70d010701") + _tagged(0xA0, _tagged(0x04, safe)))
    )
    assert asn1.Pfx.load(whole)["version"].native == "v3"
    refused(whole)


def _sequence(content):
    return _tagged(0x30, content)


def _tagged(tag, content):
    return bytes([tag, 0x82]) + len(content).to_bytes(2) + content


def test_usual_containers_are_not_too_much():
    usual = pfx(LEAF, [certificate(f"c{n}") for n in range(15)])
    assert not is_too_much(usual)
    assert MOST_ROUNDS > 600_000  # what is recommended


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x80" * 1000, b"\x04\x82\xff\xff" * 20_000, bytes(400_000)])
def test_hostile_encodings_are_judged_quickly(data):
    started = time.process_time()
    is_too_much(data)
    assert time.process_time() - started < 2  # of the processor: what one request may take


def ask(data, *, is_pfx=False, password=PASSWORD):
    return json.loads(run_limited(MODULE, unlocking.question(data, password=password, pfx=is_pfx)))


def test_the_process_ends_at_its_limit_of_processor_time():
    with pytest.raises(TooMuchWork):
        ask(encrypted(iteration_count=2**31 - 1))


def test_the_process_ends_at_its_limit_of_memory():
    assert "key" in ask(scrypt())
    with pytest.raises(TooMuchWork):
        ask(scrypt(127))  # 254 MB


def test_the_process_gets_nothing_by_arguments_or_environment(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_WEB_PROCESS", "x")
    assert run_limited("tests.certificates.showing_process", b"hunter2") == b"[] 7"


def test_a_process_that_dies_is_an_answer():
    with pytest.raises(TooMuchWork):
        run_limited("tests.certificates.no_such_module", b"")
