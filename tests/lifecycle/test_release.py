"""Secure key release against a small attestation issuer that speaks TLS (wire-contract.md section 11)."""

import json
import time

import jwt
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import KeyReleasePolicy
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support import attestation_issuer
from tests.support.attestation_issuer import material, trusted_issuer

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def issuer(stack):
    with trusted_issuer(stack) as made:
        yield made


@pytest.fixture(scope="module")
def recipient():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def policy_of(url, **claims):
    return KeyReleasePolicy(json.dumps(attestation_issuer.policy_of(url, **claims)).encode())


@pytest.mark.parametrize(
    ("hardware", "algorithm"),
    [(True, "CKM_RSA_AES_KEY_WRAP"), (False, "CKM_RSA_AES_KEY_WRAP"), (False, "RSA_AES_KEY_WRAP_256"), (False, "RSA_AES_KEY_WRAP_384")],
)  # fmt: skip
def test_an_attested_environment_gets_the_key(stack, management, keys_of, issuer, recipient, hardware, algorithm):
    keys = keys_of(management.vault())
    key = keys.create_rsa_key("key", hardware_protected=hardware, exportable=True, release_policy=policy_of(issuer.url))
    answer = keys.release_key("key", issuer.token(recipient.public_key()), algorithm=algorithm, nonce="once").value
    digest = {"KEY_WRAP": hashes.SHA1(), "256": hashes.SHA256(), "384": hashes.SHA384()}[
        "KEY_WRAP" if algorithm.startswith("CKM") else algorithm[-3:]
    ]
    payload, private = material(answer, recipient, digest)
    assert private.public_key().public_numbers().n.to_bytes(256) == key.key.n
    assert payload["request"]["nonce"] == "once"
    assert payload["response"]["key"]["key"]["kid"] == key.id
    jwks = stack.http().request("GET", f"{stack.authority}/{stack.tenant}/discovery/v2.0/keys").json()["keys"]
    header = jwt.get_unverified_header(answer)
    signer = next(jwt.PyJWK(one).key for one in jwks if one["kid"] == header["kid"])
    assert jwt.decode(answer, signer, algorithms=["ES256"]) == payload
    # and it is no access token
    refused = stack.http().request(
        "GET", f"{stack.vault_url}/keys?api-version=7.4", headers={"Authorization": f"Bearer {answer}"}
    )
    assert refused.status == 401


def test_nobody_else_gets_it(management, keys_of, issuer, recipient):
    keys = keys_of(management.vault())
    keys.create_ec_key("key", hardware_protected=True, exportable=True, release_policy=policy_of(issuer.url))
    public, stranger = recipient.public_key(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    good = issuer.token(public)
    for target in (
        issuer.token(public, **{"sdk-test": False}),
        issuer.token(public, **{"sdk-test": None}),
        issuer.token(public, exp=int(time.time()) - 1),
        issuer.token(public, nbf=int(time.time()) + 3600),
        issuer.token(public, iss="https://evil.example"),
        issuer.token(public, key=stranger),
        issuer.token(public, kid="unknown"),
        issuer.token(small),
        issuer.token(public, **{"x-ms-runtime": {"keys": []}}),
        issuer.token(public, **{"x-ms-runtime": "x"}),
        issuer.token(public, key=b"x" * 64, algorithm="HS256"),
        good.rsplit(".", 1)[0] + ".",
        good[:-8] + "AAAAAAAA",
        "x.y.z",
        "",
    ):
        with pytest.raises(HttpResponseError) as refused:
            keys.release_key("key", target)
        assert refused.value.status_code in (400, 403), target
    assert keys.release_key("key", good).value


def test_an_issuer_that_is_not_trusted_is_never_asked(management, keys_of, recipient, issuer):
    keys = keys_of(management.vault())
    url = "https://169.254.169.254"
    keys.create_ec_key("key", exportable=True, release_policy=policy_of(url))
    with pytest.raises(HttpResponseError) as refused:
        keys.release_key("key", issuer.token(recipient.public_key(), iss=url))
    assert refused.value.status_code == 403
    assert "not trusted" in refused.value.message


def test_a_brown_out_refuses_releases_too(management, keys_of, issuer, recipient, owner):
    keys = keys_of(management.vault())
    keys.create_ec_key("in-brown-out", exportable=True, release_policy=policy_of(issuer.url))
    owner.execute(
        "UPDATE keys_keyversion SET refused_until = now() + interval '1 minute', refused_percent = 100"
        " WHERE key_id = (SELECT id FROM keys_key WHERE name = 'in-brown-out')"
    )
    with pytest.raises(HttpResponseError) as refused:
        keys.release_key("in-brown-out", issuer.token(recipient.public_key()))
    assert (refused.value.status_code, refused.value.error.innererror["code"]) == (403, "KeyDisabled")


def test_a_key_that_is_not_exportable_or_disabled_is_not_released(management, keys_of, issuer, recipient):
    keys = keys_of(management.vault())
    keys.create_ec_key("plain")
    keys.create_ec_key("off", exportable=True, release_policy=policy_of(issuer.url), enabled=False)
    for name, inner in (("plain", "KeyOperationForbidden"), ("off", "KeyDisabled")):
        with pytest.raises(HttpResponseError) as refused:
            keys.release_key(name, issuer.token(recipient.public_key()))
        assert (refused.value.status_code, refused.value.error.innererror["code"]) == (403, inner)
