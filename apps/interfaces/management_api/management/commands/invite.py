"""`manage.py invite --duty D [--first]`: an invitation, whose link is printed once."""

from argparse import ArgumentParser
from typing import Any

from apps.core.clock import now
from apps.core.domain_command import DomainCommand
from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity import invitations
from apps.domain.identity.models import User
from apps.domain.identity.queries import addresses


class Command(DomainCommand):
    help = "Invite a person. With --first only while nobody runs security operations yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--duty", default=PersonRole.SECURITY_OPERATIONS.value, choices=[role.value for role in PersonRole]
        )
        parser.add_argument("--first", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["first"] and self._has_been_invited():
            return
        grant, role = system_grant(Permission.PEOPLE_INVITE, origin="invite"), PersonRole(options["duty"])
        token = invitations.invite(grant=grant, role=role, now=now())
        host = addresses().auditors if role is PersonRole.AUDITOR else f"https://portal.{addresses().authority_part}"
        link = f"{host}/invitation/{token}"
        self.stdout.write(f"works once, for three days: {link}" if options["first"] else link)

    def _has_been_invited(self) -> bool:
        """Somebody is there, or a link was printed that still opens: a second one would be a second way in."""
        if User.objects.filter(duty=PersonRole.SECURITY_OPERATIONS.value).exists():
            return True
        until = invitations.open_until(role=PersonRole.SECURITY_OPERATIONS, now=now())
        if until is not None:
            self.stdout.write(
                f"the link printed before opens until {until:%Y-%m-%d %H:%M} UTC; if it is lost, `manage invite` "
                "makes another"
            )
        return until is not None
