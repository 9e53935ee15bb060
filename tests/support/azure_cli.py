"""Azure CLI in a process of its own that runs many commands (`tests/interop/azure_cli/driver.py`)."""

import json
import os
import shlex
import subprocess
from pathlib import Path

DRIVER = Path(__file__).parents[1] / "interop" / "azure_cli" / "driver.py"


class Refused(Exception):
    """The command ended with an error; its text is what the command wrote to standard error."""


class AzureCli:
    """Call it with the text of a command, without `az`, and further words; the answer is read from JSON."""

    def __init__(self, python, stack, directory, variables):
        self._stack, self._errors = stack, (directory / "errors").open("w+")
        self.used = set()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "AZURE_CONFIG_DIR": str(directory / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_ERROR_RECOMMENDATION": "off",
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "REQUESTS_CA_BUNDLE": stack.ca,
            **variables,
        }
        self._process = subprocess.Popen(
            [python, DRIVER],
            cwd=directory,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)
        self._errors.close()

    def __call__(self, command, *words):
        words = [*shlex.split(command), *map(str, words)]
        self.used.add(" ".join(words).partition(" -")[0])
        code, output, errors = self._ask(words)
        if code != 0:
            raise Refused(f"az {shlex.join(words)}\n{errors}{self._written()}")
        return json.loads(output) if output.strip() else None

    def offered(self):
        """The names of all commands below `keyvault`."""
        return self._ask(None)

    def sign_in(self):
        """As docs/programs.md describes."""
        host = self._stack.authority.removeprefix("https://login.")
        self(
            "cloud register --name Portal --skip-endpoint-discovery",
            *("--endpoint-active-directory", self._stack.authority),
            *("--endpoint-active-directory-resource-id", f"https://{host}"),
            *("--endpoint-resource-manager", f"https://arm.{host}/", "--endpoint-management", f"https://arm.{host}/"),
            *("--suffix-keyvault-dns", f".{host}"),
        )
        self("cloud set --name Portal")
        self._log_in(self._stack.client_id, self._stack.client_secret, "--skip-subscription-discovery")

    def sign_in_to_manage(self, manager):
        """As an application that manages vaults: the cloud describes itself, and has a subscription."""
        self("cloud register --name Portal --endpoint-resource-manager", manager.endpoint)
        self("cloud set --name Portal")
        self._log_in(manager.client_id, manager.client_secret)

    def _log_in(self, client_id, client_secret, *options):
        words = ("--username", client_id, "--password", client_secret, "--tenant", self._stack.tenant)
        self("login --service-principal", *words, *options)

    def _written(self):
        """What the process wrote to standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def _ask(self, words):
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        if not (answer := self._process.stdout.readline()):
            raise Refused(f"the process ended: {self._written()}")
        return json.loads(answer)
