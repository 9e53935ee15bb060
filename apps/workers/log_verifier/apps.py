from django.apps import AppConfig


class LogVerifierConfig(AppConfig):
    name = "apps.workers.log_verifier"
    label = "log_verifier"
