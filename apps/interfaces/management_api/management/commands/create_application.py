"""`manage.py create_application NAME`."""

import json
from argparse import ArgumentParser
from typing import Any

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.operations import create_application


class Command(DomainCommand):
    help = "Create an application identity. Its client secret is printed once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--json", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        grant = system_grant(Permission.APPLICATIONS_CREATE, origin="create_application")
        application, secret = create_application(grant=grant, name=options["name"], now=clock.now())
        made = {"client_id": str(application.client_id), "client_secret": secret}
        if options["json"]:
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write("\n".join(f"{name:<14} {value}" for name, value in made.items()))
