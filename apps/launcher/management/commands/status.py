"""`./portal status`: each process, its state and since when; exit 0 only if all is well."""

from pathlib import Path
from typing import Any

from apps.launcher import setup
from apps.launcher.errors import LaunchError
from apps.launcher.management.base import StateCommand
from apps.launcher.state import StateDirectory


class Command(StateCommand):
    help = "Show each process, its state and since when. Exit 0 only if all are healthy."

    def run(self, state: StateDirectory, _options: dict[str, Any]) -> None:
        status = state.read_json("status.json")
        if not status or not Path(f"/proc/{status['supervisor']}").exists():
            raise LaunchError("Vault Portal is not running here. Start it with ./portal up.")
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
            raise LaunchError("Some processes are not healthy.")
