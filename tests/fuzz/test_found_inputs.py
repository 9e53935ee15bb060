"""Inputs that once ended in a 5xx or in an exception: answered by a refusal, or taken."""

import json
import time

import jwt
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from apps.core.encoding import to_base64url
from tests.fuzz import tokens
from tests.fuzz.system import jws, sign_rs256
from tests.support.foreign import certificate, key_pem, pem
from tests.support.mutated_inputs import RSA_KEY

pytestmark = pytest.mark.hsm

PUBLIC = tokens.GOOD_SET["keys"][0]
PRIVATE = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True)


def test_a_certificate_with_nul_characters_is_imported(system):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\0b")])
    names = [x509.DNSName("a\0.example"), x509.DNSName("b.example")]
    text = (key_pem() + pem(certificate(subject, names=names))).decode()
    status, body = system.call("POST", "/certificates/nul/import", {"value": text})
    assert status == 200, body
    described = json.loads(body)["policy"]["x509_props"]
    assert (described["subject"], described["sans"]["dns_names"]) == ("CN=\\61\\00\\62", ["b.example"])


def test_a_token_whose_claims_no_answer_can_hold_is_refused(system):
    header, claims = system.access_token()
    token = jws(header, claims | {"iss": "https://\ud800"}, system.sign_as_authority)
    status, body = system.call("GET", "/secrets", token=token)
    assert (status, b"AKV10032" in body) == (401, True)


def test_an_attestation_whose_key_no_answer_can_name_is_refused(system):
    tokens._publish_attester(tokens.GOOD_SET)
    header, claims = tokens._attested("\ud800")
    assert tokens._release(system, jws(header, claims, sign_rs256)) == 403


@pytest.mark.parametrize("more", [{"x5t": 10**30}, {"note": "\ud800"}, {"oth": [[[]]]}])
def test_members_that_no_message_can_hold_do_not_keep_a_key_from_its_use(system, more):
    tokens._publish({"keys": [{**PUBLIC, **more}]})
    assert system.request_token(jws(*tokens._federated("one"), sign_rs256))[0] == 200


def test_the_private_part_of_a_published_key_is_not_looked_at(system):
    started = time.process_time()
    tokens._publish({"keys": [{**PRIVATE, "d": to_base64url(b"\xff" * 20_000), "p": "", "kid": "one"}]})
    assert system.request_token(jws(*tokens._federated("one"), sign_rs256))[0] == 200
    assert time.process_time() - started < 1
