"""`manage.py hsm_ceremony`: create a security world in the token of this process."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.errors import VaultError
from apps.hsm.errors import HsmError
from apps.workers.ceremony import ceremony


class Command(BaseCommand):
    help = "Create the master keys of a security world from one reviewed file, and write a transcript."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--config", type=Path, required=True, help="the reviewed TOML file")
        parser.add_argument("--transcript", type=Path, help="where the transcript goes (must not be shared)")
        parser.add_argument("--dry-run", action="store_true", help="check file, token and module; create nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            plan = ceremony.read_plan(options["config"])
            if options["dry_run"]:
                self.stdout.write(json.dumps(ceremony.preview(plan), indent=2, default=str))
                return
            if ceremony.is_done(plan):
                self.stdout.write(f"already done: world {plan.name}, generation {plan.generation}")
                return
            if options["transcript"] is None:
                raise CommandError("Name a file with --transcript: a ceremony without one cannot be audited.")
            transcript = ceremony.run_ceremony(plan, transcript=options["transcript"], now=clock.now())
        except (VaultError, HsmError) as error:
            raise CommandError(str(error)) from error
        for name, pin in transcript["masters"].items():
            self.stdout.write(f"{name:<18} check value {pin['check_value']}")
        if "statement_authority" in transcript:
            self.stdout.write(f"statement authority, SHA-256 {transcript['statement_authority']}")
        self.stdout.write(f"world {plan.name}, generation {plan.generation}, token {transcript['token_serial']}")
