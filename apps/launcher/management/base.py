"""What the commands of the launcher share."""

import sys
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.launcher.account import Account
from apps.launcher.errors import LaunchError
from apps.launcher.state import StateDirectory, default_directory


class StateCommand(BaseCommand, ABC):
    """A command about the system of one state directory. A `LaunchError` ends it with its sentence."""

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state-dir", type=Path, default=default_directory(), help="directory of all data")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            self.run(StateDirectory(options["state_dir"], Account()), options)
        except LaunchError as error:
            raise CommandError(str(error)) from None

    @abstractmethod
    def run(self, state: StateDirectory, options: dict[str, Any]) -> None:
        """Do the work. Raises `LaunchError`."""


class PassThroughCommand(BaseCommand, ABC):
    """A command whose arguments belong to another program: Django parses none of them."""

    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            sys.exit(self.run(argv[2:]))
        except LaunchError as error:
            sys.exit(str(error))

    @abstractmethod
    def run(self, arguments: list[str]) -> int:
        """Do the work and return the exit code, or replace the process. Raises `LaunchError`."""
