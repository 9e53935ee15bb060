from django.apps import AppConfig


class CertificatesConfig(AppConfig):
    name = "apps.domain.certificates"
    label = "certificates"
