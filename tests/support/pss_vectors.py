"""Published RSASSA-PSS signatures whose salt is as long as the hash, which the files of NIST here have none of."""

import base64

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.known_answers import VECTORS

_RFC7520_MODULUS = (
    "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_Ns"
    "YOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCu"
    "EHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw"
)
_RFC7520_SIGNED = (
    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9k"
    "bywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXi"
    "gJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4"
)
_RFC7520_SIGNATURE = (
    "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhi"
    "USMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2X"
    "ez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"
)
_RFC9421_MODULUS = (
    "r4tmm3r20Wd_PbqvP1s2-QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct-Lh1GH45x28Rw3Ry53mm-oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAv"
    "Lkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL-Wokqltd11nqqzi-bJ9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU"
    "4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d-nb4bnNkQVklLQ3fVAvJm-xdDOp9LCNCN48V2pnDOkFV6-U9nV5oyc6XI2w"
)
_RFC9421_SIGNED = """\
"@method": POST
"@authority": example.com
"@path": /foo
"content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:
"content-length": 18
"content-type": application/json
"@signature-params": ("@method" "@authority" "@path" "content-digest" "content-length" "content-type")\
;created=1618884473;keyid="test-key-rsa-pss\""""
_RFC9421_SIGNATURE = (
    "HIbjHC5rS0BYaa9v4QfD4193TORw7u9edguPh0AW3dMq9WImrlFrCGUDih47vAxi4L2YRZ3XMJc1uOKk_J0ZmZ-wcta4nKIgBkKq0rM9hs3CQyxXGxHL"
    "MCy8uqK488o-9jrptQ-xFPHK7a9sRL1IXNaagCNN3ZxJsYapFj-JXbmaI5rtAdSfSvzPuBCh-ARHBmWuNo1UzVVdHXrl8ePL4cccqlazIJdC4QEjrF-S"
    "n4IxBQzTZsL9y9TP5FsZYzHvDqbInkTNigBcE9cKOYNFCn4D_WM7F6TNuZO9EgtzepLWcjTymlHzK7aXq6Am6sfOrpIC49yXjj3ae6HRalVc_g"
)


def _bytes(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _public(modulus):
    return rsa.RSAPublicNumbers(65537, int.from_bytes(_bytes(modulus))).public_key()


def examples():
    """(algorithm, public key, what was signed, signature)."""
    pem = (VECTORS / "x509/custom/rsa_pss_sha256_no_null.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem)
    return [
        ("PS256", certificate.public_key(), certificate.tbs_certificate_bytes, certificate.signature),
        # RFC 7520 section 4.2
        ("PS384", _public(_RFC7520_MODULUS), _RFC7520_SIGNED.encode(), _bytes(_RFC7520_SIGNATURE)),
        # RFC 9421 section 3.1, key of appendix B.1.2
        ("PS512", _public(_RFC9421_MODULUS), _RFC9421_SIGNED.encode(), _bytes(_RFC9421_SIGNATURE)),
    ]
