"""The management API as developers use it: values of secrets with a reason, and test calls in their own name."""

from typing import Any

from .errors import CliError, ExitCode, usage_error
from .management_backend import ManagementBackend


class DeveloperBackend(ManagementBackend):
    """What developers do with the objects of vaults in which they have a role. Every use is recorded."""

    def exists(self, vault: str, kind: str, name: str) -> bool:
        try:
            return bool(self.describe(vault, kind, name))
        except CliError as error:
            if error.code != ExitCode.NOT_FOUND:
                raise
            return False

    def get_value(self, vault: str, name: str, version: str = "", reason: str = "") -> str:
        """A secret's value, revealed to a person who gives a reason. Raises `CliError`."""
        if not reason.strip():
            raise usage_error("A reason is required; it is recorded in the audit log: --reason 'looking into ...'")
        body = {"reason": reason, "version": version}
        return str(self._client.manage("POST", "vaults", vault, "secrets", name, "reveal", body=body)["value"])

    def set_value(
        self, vault: str, name: str, value: str, content_type: str, base: str | None = None
    ) -> dict[str, Any]:
        """`base`: the version that must still be current; empty: there must be no secret; None: no condition."""
        body = {"value": value, "content_type": content_type or None, "base_version": base}
        return {"name": name, **self._client.manage("PUT", "vaults", vault, "secrets", name, body=body)}

    def run_test_call(self, vault: str, kind: str, name: str) -> dict[str, Any]:
        """One real operation."""
        result: dict[str, Any] = self._request("POST", vault, kind, name, "try")
        return result
