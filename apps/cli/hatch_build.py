"""Packs the auditors' verifiers, one file each, beside the command line. Run by hatchling when a wheel is built."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VerifierHook(BuildHookInterface):  # type: ignore[misc]  # hatchling is there while building only
    """A wheel without it says where the verifier can be had."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Where a checkout has it."""
        del version
        for part in ("audit_log/auditverify.py", "audit_reader/packverify.py"):
            verifier = Path(self.root).parent / part
            if verifier.is_file():
                build_data["force_include"][str(verifier)] = verifier.name
