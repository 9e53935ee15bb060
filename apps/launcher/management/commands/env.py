"""`eval "$(./portal env)"`: the variables that SDKs and scripts need."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.launcher import client_environment
from apps.launcher.account import Account
from apps.launcher.errors import LaunchError
from apps.launcher.state import StateDirectory, default_directory


class Command(BaseCommand):
    help = "Print shell exports for the running vault."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state-dir", type=Path, default=default_directory())

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self.stdout.write(client_environment.format_exports(StateDirectory(options["state_dir"], Account())))
        except LaunchError as fault:
            raise CommandError(str(fault)) from None
