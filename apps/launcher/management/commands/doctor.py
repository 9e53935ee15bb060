"""`./portal doctor`: what is needed, what is wrong, how to fix it."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.launcher import doctor
from apps.launcher.account import Account
from apps.launcher.state import StateDirectory, default_directory


class Command(BaseCommand):
    help = "Check packages, names, clock, ports, tokens, database and a real SDK login, and show how to fix each."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state-dir", type=Path, default=default_directory())

    def handle(self, *_args: Any, **options: Any) -> None:
        failed = 0
        for result in doctor.run_checks(StateDirectory(options["state_dir"], Account())):
            self.stdout.write(f"{'ok   ' if result.ok else 'WRONG'}  {result.name:<18} {result.detail}")
            if not result.ok:
                failed += 1
                self.stdout.write(f"       {'':<18} fix: {result.fix}")
        if failed:
            raise CommandError(f"{failed} checks failed.")
