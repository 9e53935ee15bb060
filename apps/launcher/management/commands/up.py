"""`./portal up`: the whole vault, in one terminal, until Ctrl-C."""

import os
from argparse import ArgumentParser
from typing import Any

from apps.launcher import start_report, system
from apps.launcher.management.base import StateCommand
from apps.launcher.state import StateDirectory


class Command(StateCommand):
    help = "Start a whole vault on this machine, test it through the Azure SDK, and keep it running until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--port", type=int, default=system.DEFAULT_PORT)
        parser.add_argument("--auditors-port", type=int, help="of audit.<suffix>; without it, the port after --port")
        parser.add_argument("--lanes", type=int, default=min(os.cpu_count() or 1, 2), help="HSM workers per world")
        parser.add_argument("--no-demo", action="store_true", help="no demo vaults, application and people")
        parser.add_argument("--check", action="store_true", help="stop after the self-test: exit 0 or 1")

    def run(self, state: StateDirectory, options: dict[str, Any]) -> None:
        self.stdout.write("Vault Portal is starting")
        try:
            with system.running(
                state.directory,
                port=options["port"],
                auditors_port=options["auditors_port"] or options["port"] + 1,
                lanes=options["lanes"],
                demo=not options["no_demo"],
            ) as (running, supervisor):
                if options["no_demo"]:
                    invitation = system.invite_first(running)
                else:
                    system.run_self_test(running)
                    invitation = ""
                self.stdout.write(start_report.format_report(running, invitation))
                self.stdout.write("ready")
                self.stdout.flush()
                if not options["check"]:
                    system.keep_running(supervisor)
        except system.Stopped:
            self.stdout.write("\nstopped")
