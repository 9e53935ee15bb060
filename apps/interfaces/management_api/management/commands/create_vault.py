"""`manage.py create_vault NAME --world W`."""

from argparse import ArgumentParser
from typing import Any

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.vaults.operations import create


class Command(DomainCommand):
    help = "Create a vault in a security world, with its key in that world's HSM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--world", required=True)
        parser.add_argument("--retention-days", type=int, default=90, help="how long deleted objects can be recovered")
        parser.add_argument(
            "--purge-protection",
            action="store_true",
            help="deleted objects cannot be purged before the retention period ends; cannot be turned off",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        grant = system_grant(Permission.VAULTS_CREATE, origin="create_vault")
        vault = create(
            grant=grant,
            name=options["name"],
            world_name=options["world"],
            recoverable_days=options["retention_days"],
            purge_protection=options["purge_protection"],
            now=clock.now(),
        )
        self.stdout.write(f"vault {vault.name} in world {vault.world.name}")
