"""`./portal up`: the whole vault, in one terminal, until Ctrl-C."""

import os
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from apps.launcher import start_report, system
from apps.launcher.management.base import StateCommand
from apps.launcher.state import WORLDS, StateDirectory


class Command(StateCommand):
    help = "Start a whole vault on this machine, test it through the Azure SDK, and keep it running until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--port", type=int, default=system.DEFAULT_PORT)
        parser.add_argument("--auditors-port", type=int, help="of audit.<suffix>; without it, the port after --port")
        parser.add_argument(
            "--lanes",
            type=_lanes,
            default=dict.fromkeys(WORLDS, min(os.cpu_count() or 1, 2)),
            help="HSM workers that use keys, for each world (4) or by world (europe=8,america=2)",
        )
        parser.add_argument("--no-demo", action="store_true", help="no demo vaults, application and people")
        parser.add_argument(
            "--clock",
            action="store_true",
            help="a test installation whose clock can be moved (portal clock move); it has no production vaults",
        )
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
                clock=options["clock"],
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


def _lanes(text: str) -> dict[str, int]:
    """Read the number of lanes of each world. Raises `ArgumentTypeError`."""
    named = dict(part.partition("=")[::2] for part in text.split(",")) if "=" in text else dict.fromkeys(WORLDS, text)
    if set(named) != set(WORLDS) or not all(number.isdecimal() and int(number) for number in named.values()):
        raise ArgumentTypeError(f"give a number, or one for each of {', '.join(WORLDS)}: europe=8,america=2")
    return {world: int(number) for world, number in named.items()}
