"""Certificates as tests make them."""

from azure.keyvault.certificates import CertificatePolicy
from cryptography import x509


def own_policy(**changes):
    return CertificatePolicy(
        **(
            {
                "issuer_name": "Self",
                "subject": "CN=payroll.example",
                "key_type": "EC",
                "key_curve_name": "P-256",
                "exportable": True,
            }
            | changes
        )
    )


def created(certificates, name, policy=None, **others):
    return certificates.begin_create_certificate(name, policy or own_policy(), **others).result()


def leaf(certificate):
    return x509.load_der_x509_certificate(bytes(certificate.cer))
