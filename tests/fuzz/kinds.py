"""The kinds of foreign input: how a mutant of each is made, and by which request it arrives.

A way is a function of (system, rng, mutant) that returns the status of the answer.
"""

import base64
import copy

from apps.core.errors import VaultError
from apps.core.pem import is_pem
from apps.domain.keys.key_material import parse_pem
from apps.interfaces.keyvault_api.error_response import error_mapping
from tests.fuzz import tokens
from tests.support import mutated_inputs
from tests.support.foreign import PASSWORD, certificate, key_pem, pem
from tests.support.mutated_requests import BODIES, change, paths

NAMES = 40  # objects of a kind that requests take turns with: each import adds a version
POLICY_OF = "named"  # the certificate whose policy gets the mutated names
_SANS = ("dns_names", "emails", "upns", "uris", "ipAddresses")


def merge(system, rng, data):
    """A certificate for a request that is pending nowhere: it is read before that is looked up."""
    entry = base64.b64encode(data).decode() if rng.random() < 0.8 else data.decode("latin-1")
    return system.call("POST", "/certificates/pending/pending/merge", {"x5c": [entry]})[0]


def import_beside_key(system, rng, data):
    """A certificate (DER) in PEM beside the private key of the certificate that it was."""
    coded = base64.encodebytes(data).decode()
    text = f"{key_pem().decode()}-----BEGIN CERTIFICATE-----\n{coded}-----END CERTIFICATE-----\n"
    return _import(system, rng, "certificate", text)


def import_bytes(system, rng, data):
    """A container or PEM, mostly in base64."""
    text = base64.b64encode(data).decode() if not is_pem(data) or rng.random() < 0.3 else data.decode("latin-1")
    return _import(system, rng, "container", text, **({"pwd": PASSWORD} if rng.random() < 0.6 else {}))


def _import(system, rng, name, text, **more):
    body = {"value": text, "preserveCertOrder": rng.random() < 0.3, **more}
    return system.call("POST", f"/certificates/{name}-{rng.randrange(NAMES)}/import", body)[0]


def read_key_file(_system, _rng, data):
    """A key file that a person uploads in the portal, at the function that reads it: the form needs a browser."""
    try:
        parse_pem(data.decode("utf-8", "replace"))
    except VaultError as error:
        return error_mapping(error).status
    return 200


def import_jwk(system, rng, data):
    """A JWK whose bytes are the body's, so that broken JSON arrives as it is."""
    body = b'{"key": ' + data + b', "Hsm": ' + rng.choice([b"true", b"false"]) + b"}"
    return system.call("PUT", f"/keys/jwk-{rng.randrange(NAMES)}", body)[0]


def set_name(system, rng, data):
    """Text as the subject, or as an alternative name, of the policy of a certificate."""
    text = data.decode("utf-8", "replace")
    if rng.random() < 0.7:
        names = {"subject": text}
    else:
        names = {"subject": "CN=x", "sans": {rng.choice(_SANS): [text, "a.example"][: rng.randint(1, 2)]}}
    return _set_policy(system, {"x509_props": names})


def set_policy(system, rng, _data):
    """A whole policy with one to three values changed."""
    policy = copy.deepcopy(BODIES["CertificateCreate"]["policy"])
    for _ in range(rng.randint(1, 3)):
        change(rng, policy, rng.choice(list(paths(policy)) or [("x",)]))
    return _set_policy(system, policy)


def _set_policy(system, policy):
    return system.call("PATCH", f"/certificates/{POLICY_OF}/policy", policy)[0]


# Kind: (ways with their weights, how its bytes are spoiled, the kinds of `mutated_inputs.seeds` that it is made of).
KINDS = {
    "certificate": ([(merge, 5), (import_beside_key, 5)], mutated_inputs.spoiled, ("certificate", "x5c")),
    "PFX": ([(import_bytes, 1)], mutated_inputs.spoiled_pfx, ("pfx",)),
    "PEM": ([(import_bytes, 7), (read_key_file, 3)], mutated_inputs.spoiled, ("pem", "key")),
    "JWK": ([(import_jwk, 9), (read_key_file, 1)], mutated_inputs.spoiled_json, ("jwk",)),
    "name": ([(set_name, 7), (set_policy, 3)], mutated_inputs.spoiled, ("name",)),
    "token": (
        [(tokens.bearer, 3), (tokens.own_assertion, 3), (tokens.federated_assertion, 2), (tokens.attestation, 2)],
        mutated_inputs.spoiled,
        ("token",),
    ),
    "JWKS": ([(tokens.keys_of_issuer, 6), (tokens.keys_of_attester, 4)], mutated_inputs.spoiled_json, ("jwks",)),
}


def prepare(system):
    """The objects that requests refer to, each made as a client makes it."""
    text = (key_pem() + pem(certificate())).decode()
    status, answer = system.call("POST", f"/certificates/{POLICY_OF}/import", {"value": text})
    assert status == 200, answer
    status, answer = system.call("PUT", f"/keys/{tokens.RELEASED}", tokens.released_key())
    assert status == 200, answer


class Mutants:
    """The mutants of one kind, in the order that the random generator gives."""

    def __init__(self, kind, rng, inputs):
        self._ways, self._spoil, names = KINDS[kind]
        self.rng = rng
        self._good = [data for name in names for data in inputs[name]]
        self._others = [data for good in inputs.values() for data in good]

    def next(self):
        """(way, mutant)."""
        rng = self.rng
        [way] = rng.choices([way for way, _ in self._ways], [weight for _, weight in self._ways])
        return way, self._spoil(rng, rng.choice(self._good), self._others)
