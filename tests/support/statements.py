"""Key statements of an authority that a test has made itself, with keys outside any HSM."""

import base64
import copy
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from apps.domain.keys import keyverify

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CUSTOMER = ec.generate_private_key(ec.SECP256R1()).public_key()
_SPKI = CUSTOMER.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
_OBJECT = {
    "SENSITIVE": True, "EXTRACTABLE": False, "ALWAYS_SENSITIVE": False, "NEVER_EXTRACTABLE": False, "LOCAL": False,
    "PRIVATE": True, "TOKEN": False, "MODIFIABLE": False,
}  # fmt: skip
PAYLOAD = {
    "type": keyverify.TYPE,
    "time": "2026-11-30T12:00:00Z",
    "world": {"name": "europe", "generation": 1},
    "token": {"manufacturer": "Maker", "model": "Model", "serial": "1234", "label": "vp-europe"},
    "vault": {"id": "ab" * 16, "name": "payroll"},
    "key": {
        "name": "master", "version": "cd" * 16, "type": "EC", "parameter": "P-256", "operations": ["sign", "verify"],
        "exportable": False, "origin": "generated", "restored": False, "public_key": base64.b64encode(_SPKI).decode(),
    },
    "object": _OBJECT,
    "wrapping_keys": [
        {
            "role": "WK-A", "check_value": "00" * 8, **_OBJECT, "ALWAYS_SENSITIVE": True, "NEVER_EXTRACTABLE": True,
            "LOCAL": True, "TOKEN": True,
        }
    ],
}  # fmt: skip


class Authority:
    """An authority with a statement key. Each argument makes it another one than a world has."""

    def __init__(self, world="europe", *, curve=None, issuer=None, signer_ca=False, began=NOW - timedelta(days=1)):
        self._ends = began + timedelta(days=3650)
        self._began = began
        self.key, self.signer = (
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(curve or ec.SECP256R1()),
        )
        name = keyverify.AUTHORITY_NAME.format(world)
        self.certificate = self._certify(self.key, name, name, self.key, ca=True)
        signing = issuer.key if issuer else self.key
        self.signer_certificate = self._certify(
            self.signer, keyverify.SIGNER_NAME.format(world), name, signing, ca=signer_ca
        )

    @property
    def root(self):
        return self.certificate.fingerprint(hashes.SHA256())

    @property
    def chain(self):
        return self.pem(self.signer_certificate, self.certificate)

    @staticmethod
    def pem(*certificates):
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)

    def state(self, payload=PAYLOAD):
        """A statement of anything."""
        certificate = self.signer_certificate.public_bytes(serialization.Encoding.DER)
        return self.sign(keyverify.signing_input(payload, certificate))

    def sign(self, signed):
        r, s = decode_dss_signature(self.signer.sign(signed, ec.ECDSA(hashes.SHA256())))
        width = (self.signer.curve.key_size + 7) // 8
        return keyverify.join(signed, r.to_bytes(width) + s.to_bytes(width))

    def _certify(self, key, subject, issuer, signing, *, ca):
        unused = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
        )
        usage = x509.KeyUsage(
            digital_signature=not ca, key_cert_sign=ca, encipher_only=False, decipher_only=False, **unused
        )
        builder = x509.CertificateBuilder(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]),
            key.public_key(),
            x509.random_serial_number(),
            self._began,
            self._ends,
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        return builder.add_extension(usage, critical=True).sign(signing, hashes.SHA256())


def places(node, prefix=()):
    """The path of every value in a statement."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        if isinstance(value, dict | list):
            yield from places(value, (*prefix, key))
        else:
            yield (*prefix, key)


def changed(path, change, payload=PAYLOAD):
    """The statement's payload with one value changed."""
    payload = copy.deepcopy(payload)
    *above, last = path
    node = payload
    for key in above:
        node = node[key]
    node[last] = change(node[last])
    return payload


def other(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x"
