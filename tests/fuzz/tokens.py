"""Mutated tokens and JWK Sets, and the requests by which they arrive.

A third of the tokens is spoiled bytes. The others are changed in header or claims and signed again, so that what is
behind the verification of the signature gets them too. The documents of issuers are put where a fetch would have put
them: a fetch costs a TLS handshake, and one in ten seconds is all that an issuer gets.
"""

import copy
import json
import time

import jwt

from apps.core.encoding import to_base64url
from apps.domain.identity import attestation as attestations
from apps.domain.identity import client_assertions
from apps.domain.identity.issuer_keys import parse_jwks, readable_keys
from tests.fuzz.system import ATTESTER, AUDIENCE, ISSUER, SUBJECT, jws, sign_rs256
from tests.support import mutated_inputs
from tests.support.mutated_requests import change, paths

RELEASED = "released"
GOOD_SET = {
    "keys": [{**jwt.algorithms.RSAAlgorithm.to_jwk(mutated_inputs.RSA_KEY.public_key(), as_dict=True), "kid": "one"}]
}
_RECIPIENT = {**GOOD_SET["keys"][0], "kid": "recipient", "key_use": "enc"}


def bearer(system, rng, data):
    """An access token at the data plane."""
    token = _mutant(rng, data, *system.access_token(), system.sign_as_authority)
    return system.call("GET", "/secrets", token=token)[0]


def own_assertion(system, rng, data):
    """An assertion that the application signs with the key of its certificate."""
    return system.request_token(_mutant(rng, data, *system.assertion(), sign_rs256))[0]


def federated_assertion(system, rng, data):
    """An assertion of an issuer that the application trusts."""
    _publish(GOOD_SET)
    return system.request_token(_mutant(rng, data, *_federated("one"), sign_rs256))[0]


def attestation(system, rng, data):
    """An attestation token for a release."""
    _publish_attester(GOOD_SET)
    return _release(system, _mutant(rng, data, *_attested("one"), sign_rs256))


def keys_of_issuer(system, rng, data):
    """The JWK Set of an issuer that an application trusts, then a good assertion of that issuer."""
    document = _load(data)
    if document is None:
        return 400
    _publish(document)
    return system.request_token(jws(*_federated(_kid_in(rng, document)), sign_rs256))[0]


def keys_of_attester(system, rng, data):
    """The JWK Set of an attestation authority, then a good attestation of it."""
    document = _load(data)
    if document is None:
        return 400
    _publish_attester(document)
    return _release(system, jws(*_attested(_kid_in(rng, document)), sign_rs256))


def released_key():
    """The body that imports a key which may be released to what the attester vouches for."""
    policy = {"version": "1.0.0", "anyOf": [{"authority": ATTESTER, "allOf": [{"claim": "x", "equals": "y"}]}]}
    return {
        "key": jwt.algorithms.RSAAlgorithm.to_jwk(mutated_inputs.RSA_KEY, as_dict=True),
        "attributes": {"exportable": True},
        "release_policy": {"data": to_base64url(json.dumps(policy).encode())},
    }


def _mutant(rng, data, header, claims, sign):
    if rng.random() < 0.33:
        good = jws(header, claims, sign).encode() if rng.random() < 0.7 else data
        return mutated_inputs.spoiled(rng, good, [data]).decode("latin-1")
    both = {"header": dict(header), "claims": copy.deepcopy(claims)}
    for _ in range(rng.randint(0, 3)):
        places = [path for path in paths(both) if len(path) > 1]
        change(rng, both, rng.choice(places or [("claims", "x")]))
    return jws(both["header"], both["claims"], sign)


def _federated(kid):
    moment = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "exp": moment + 600, "nbf": moment}
    return {"alg": "RS256", "typ": "JWT", "kid": kid}, claims


def _attested(kid):
    moment = int(time.time())
    runtime = {"keys": [dict(_RECIPIENT)]}
    claims = {"iss": ATTESTER, "exp": moment + 600, "iat": moment, "x": "y", "x-ms-runtime": runtime}
    return {"alg": "RS256", "typ": "JWT", "kid": kid}, claims


def _release(system, token):
    return system.call("POST", f"/keys/{RELEASED}/release", {"target": token})[0]


def _publish(document):
    client_assertions._keys.replace(client_assertions._name_of(ISSUER), readable_keys(document))
    client_assertions._refetches.allows(ISSUER)  # used up: an unknown key is not asked for


def _publish_attester(document):
    attestations._keys.replace((ATTESTER, ""), parse_jwks(document))
    attestations._refetches.allows((ATTESTER, ""))


def _load(data):
    """The document, as `document_fetch` reads it; None for what that refuses."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _kid_in(rng, document):
    """Mostly the name of the first key, as the document has it by now."""
    entries = document.get("keys")
    first = entries[0] if isinstance(entries, list) and entries else None
    return first.get("kid", "one") if isinstance(first, dict) and rng.random() < 0.8 else "one"
