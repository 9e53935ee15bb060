"""X.509 that Node cannot make: a throw-away authority, PFX and PEM files. Reads JSON on stdin, writes JSON.

{"do": "sign", "csr": base64} -> {"chain": [base64 DER of the certificate, of the authority]}
{"do": "make", "kind": "RSA" or "EC", "subject": text, "password": text or null} -> {"cer": base64, "pfx": base64, "pem": text}
{"do": "open", "pfx": base64} -> {"cer": base64, "key": PEM or null}
"""

import base64
import datetime as dt
import json
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def text(data):
    return base64.b64encode(data).decode()


def named(subject):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])


def issue(subject, public_key, issuer, issuer_key, *, ca):
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=10))
        .not_valid_after(now + dt.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def sign(asked):
    csr = x509.load_der_x509_csr(base64.b64decode(asked["csr"]))
    if not csr.is_signature_valid:
        sys.exit("the signature of the request is not valid")
    key = ec.generate_private_key(ec.SECP256R1())
    name = named("Throw-away authority")
    authority = issue(name, key.public_key(), name, key, ca=True)
    leaf = issue(csr.subject, csr.public_key(), name, key, ca=False)
    return {"chain": [text(leaf.public_bytes(Encoding.DER)), text(authority.public_bytes(Encoding.DER))]}


def make(asked):
    key = rsa.generate_private_key(65537, 2048) if asked["kind"] == "RSA" else ec.generate_private_key(ec.SECP256R1())
    name = named(asked["subject"])
    certificate = issue(name, key.public_key(), name, key, ca=False)
    password = asked.get("password")
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    return {
        "cer": text(certificate.public_bytes(Encoding.DER)),
        "pfx": text(pkcs12.serialize_key_and_certificates(b"made", key, certificate, None, encryption)),
        "pem": pem.decode(),
    }


def opened(asked):
    key, certificate, _more = pkcs12.load_key_and_certificates(base64.b64decode(asked["pfx"]), None)
    pem = key and key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"cer": text(certificate.public_bytes(Encoding.DER)), "key": pem}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump({"sign": sign, "make": make, "open": opened}[asked["do"]](asked), sys.stdout)
