"""What a customer's machine makes: JSON Web Keys with private parts, and BYOK files."""

import base64
import json

from azure.keyvault.keys import JsonWebKey
from cryptography.hazmat.primitives.asymmetric import rsa

CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "P-256K"}


def number(value, width=0):
    return value.to_bytes(max(width, (value.bit_length() + 7) // 8))


def jwk_of(private, *, hardware=False):
    suffix = "-HSM" if hardware else ""
    numbers = private.private_numbers()
    if isinstance(private, rsa.RSAPrivateKey):
        public = numbers.public_numbers
        return JsonWebKey(
            kty="RSA" + suffix,
            n=number(public.n),
            e=number(public.e),
            d=number(numbers.d),
            p=number(numbers.p),
            q=number(numbers.q),
            dp=number(numbers.dmp1),
            dq=number(numbers.dmq1),
            qi=number(numbers.iqmp),
        )
    width = (private.curve.key_size + 7) // 8
    point = numbers.public_numbers
    return JsonWebKey(
        kty="EC" + suffix,
        crv=CURVES[private.curve.name],
        x=number(point.x, width),
        y=number(point.y, width),
        d=number(numbers.private_value, width),
    )


def byok_file(kid, ciphertext):
    """The bytes of a `.byok` file (docs/reference/wire-contract.md section 9)."""
    return json.dumps(
        {
            "schema_version": "1.0.0",
            "header": {"kid": kid, "alg": "dir", "enc": "CKM_RSA_AES_KEY_WRAP"},
            "ciphertext": base64.urlsafe_b64encode(ciphertext).decode().rstrip("="),
            "generator": "tests",
        }
    ).encode()
