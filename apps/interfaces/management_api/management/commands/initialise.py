"""`manage.py initialise`: the organisation and the key that signs its tokens."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.operations import initialise
from apps.domain.security_worlds.queries import list_worlds


class Command(DomainCommand):
    help = "Create the organisation and its token-signing key in the HSM, unless they exist."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", required=True)
        parser.add_argument("--world", help="where the token key lives; default: the first world made")

    def handle(self, *_args: Any, **options: Any) -> None:
        worlds = sorted(list_worlds(), key=lambda made: made.created)
        if not worlds:
            raise CommandError("There is no security world yet. Hold a ceremony first: manage.py hsm_ceremony.")
        world = options["world"] or worlds[0].name
        grant = system_grant(Permission.ORGANISATION_INITIALISE, origin="initialise")
        made = initialise(grant=grant, organisation=options["organisation"], world_name=world, now=clock.now())
        self.stdout.write(f"organisation {made.name}, tenant {made.tenant_id}")
