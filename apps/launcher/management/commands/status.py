"""`./portal status`: each process, its state and since when; exit 0 only if all is well."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.launcher import setup
from apps.launcher.account import Account
from apps.launcher.state import StateDirectory, default_directory


class Command(BaseCommand):
    help = "Show each process, its state and since when. Exit 0 only if all are healthy."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--state-dir", type=Path, default=default_directory())

    def handle(self, *_args: Any, **options: Any) -> None:
        state = StateDirectory(options["state_dir"], Account())
        status = state.read_json("status.json")
        supervised = bool(status) and Path(f"/proc/{status['supervisor']}").exists()
        if not supervised:
            raise CommandError("Vault Portal is not running here. Start it with ./portal up.")
        healthy = True
        for name, process in status["processes"].items():
            alive = process["state"] == "running" and Path(f"/proc/{process['pid']}").exists()
            healthy = healthy and alive
            shown = process["state"] if alive or process["state"] != "running" else "dead"
            restarts = f"  restarted {process['restarts']} times" if process["restarts"] else ""
            self.stdout.write(f"{name:<24} {shown:<11} pid {process['pid']:<8} since {process['since']}{restarts}")
        health = setup.health(state)
        self.stdout.write(f"{'health':<24} {'ok' if health == 200 else f'HTTP {health}'}")
        if not healthy or health != 200:
            raise CommandError("Some processes are not healthy.")
