"""Adds the one-file verifiers to the wheel. Hatchling runs it when it builds one."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VerifierHook(BuildHookInterface):  # type: ignore[misc]  # hatchling is installed only during the build
    """A wheel without a verifier tells its user where to download it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the verifiers that the checkout has."""
        del version
        for source in ("audit_log/auditverify.py", "audit_reader/packverify.py", "domain/keys/keyverify.py"):
            verifier = Path(self.root).parent / source
            if verifier.is_file():
                build_data["force_include"][str(verifier)] = verifier.name
