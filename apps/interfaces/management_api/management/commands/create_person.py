"""`manage.py create_person NAME --duty D`: the password comes from a file or is made and printed once."""

import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from apps.core.domain_command import DomainCommand
from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.operations import add_person


class Command(DomainCommand):
    help = "Create a person with exactly one role."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--duty", required=True, choices=[role.value for role in PersonRole])
        parser.add_argument("--password-file", type=Path)

    def handle(self, *_args: Any, **options: Any) -> None:
        file = options["password_file"]
        password = file.read_text(encoding="utf-8").strip() if file else secrets.token_urlsafe(18)
        grant = system_grant(Permission.PEOPLE_CREATE, origin="create_person")
        add_person(grant=grant, username=options["username"], role=PersonRole(options["duty"]), password=password)
        self.stdout.write("done" if file else f"password {password}")
