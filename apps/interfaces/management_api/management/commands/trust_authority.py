"""`manage.py trust_authority URL [--ca FILE]`: believe an attestation issuer for secure key release."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.attestation import change_authority, trust_authority


class Command(DomainCommand):
    help = "Trust the attestation tokens of an issuer. Release policies may name it from then on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", help="the issuer, as its tokens' 'iss' has it")
        parser.add_argument("--ca", type=Path, help="PEM of its certificate authority; default: the system's")
        parser.add_argument("--change", action="store_true", help="change the CA of an issuer that is trusted already")

    def handle(self, *_args: Any, **options: Any) -> None:
        grant = system_grant(Permission.AUTHORITIES_TRUST, origin="trust_authority")
        try:
            pem = options["ca"].read_text(encoding="utf-8") if options["ca"] else ""
            act = change_authority if options["change"] else trust_authority
            row = act(grant=grant, url=options["url"], ca_pem=pem, now=clock.now())
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['ca']} cannot be read.") from error
        self.stdout.write(f"trusted: {row.url}")
