"""`./portal up`: the whole vault, in one terminal, until Ctrl-C."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.launcher import start_report, system
from apps.launcher.errors import LaunchError
from apps.launcher.state import default_directory


class Command(BaseCommand):
    help = "Start a whole vault on this machine, test it through the Azure SDK, and keep it running until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state-dir", type=Path, default=default_directory(), help="directory of all data")
        parser.add_argument("--port", type=int, default=system.DEFAULT_PORT)
        parser.add_argument("--auditors-port", type=int, help="of audit.<suffix>; without it, the port after --port")
        parser.add_argument("--lanes", type=int, default=min(os.cpu_count() or 1, 2), help="HSM workers per world")
        parser.add_argument("--no-demo", action="store_true", help="no demo vaults, application and people")
        parser.add_argument("--check", action="store_true", help="stop after the self-test: exit 0 or 1")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.stdout.write("Vault Portal is starting")
        try:
            with system.running(
                options["state_dir"],
                port=options["port"],
                auditors_port=options["auditors_port"] or options["port"] + 1,
                lanes=options["lanes"],
                demo=not options["no_demo"],
            ) as (state, supervisor):
                if options["no_demo"]:
                    invitation = system.invite_first(state)
                else:
                    system.run_self_test(state)
                    invitation = ""
                self.stdout.write(start_report.format_report(state, invitation))
                self.stdout.write("ready")
                self.stdout.flush()
                if not options["check"]:
                    system.keep_running(supervisor)
        except LaunchError as fault:
            raise CommandError(str(fault)) from None
        except system.Stopped:
            self.stdout.write("\nstopped")
