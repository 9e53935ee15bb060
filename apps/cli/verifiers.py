"""The one-file verifiers, which check logs, evidence packs and key statements offline."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

from .errors import CliError, ExitCode, usage_error

_SOURCES = {
    "auditverify.py": "audit_log/auditverify.py",
    "packverify.py": "audit_reader/packverify.py",
    "keyverify.py": "domain/keys/keyverify.py",
}  # in a checkout


def find(name: str) -> Path:
    """The verifier that was installed with the command line, or the checkout's. Raises `CliError`."""
    here = Path(__file__).parent
    for path in (here / name, here.parent / _SOURCES[name]):
        if path.is_file():
            return path
    if name == "keyverify.py":
        raise CliError(
            f"The verifier is missing. Reinstall the command line, which includes {name}.", ExitCode.NOT_FOUND
        )
    text = f"The verifier is missing. Download {name} from the auditors' portal (Integrity)"
    usage = f"and specify it: --verifier {name}" if name == "auditverify.py" else "and run it."
    raise CliError(f"{text} {usage}", ExitCode.NOT_FOUND)


def load(path: Path) -> Any:
    """A verifier as a module. Raises `CliError`."""
    name = path.stem if path.name in _SOURCES else "auditverify"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise usage_error(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # the file's dataclasses and the other verifier look it up
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise usage_error(f"The verifier needs the package {error.name}: pip install {error.name}") from None
    return module


def key_options(values: list[str]) -> list[str]:
    """The verifiers' options for public keys that are given literally, or in files with one key a line."""
    keys: list[str] = []
    for value in values:
        path = Path(value)
        keys += path.read_text("utf-8", "replace").split() if path.is_file() else [value]
    return [f"--vkey={key}" for key in keys]
