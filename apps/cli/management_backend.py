"""The management API of a vault, as people use it. The service decides what each role may do."""

from collections.abc import Iterator
from typing import Any

from .client import Client
from .errors import CliError, ExitCode, usage_error

_PAGE = 100  # rows of a page


def application_id(client: Client, application: str) -> str:
    """An application as a segment of a path: its id if its name, which older releases allowed, cannot be one."""
    if "/" in application or application in {".", ".."}:
        rows = client.manage("GET", "applications")
        return str(next((row["client_id"] for row in rows if row["name"] == application), application))
    return application


class ManagementBackend:
    """What people do with the objects of a vault; values and test calls are for developers. Every use is recorded."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list_objects(self, vault: str, kind: str, *, deleted: bool = False) -> Iterator[dict[str, Any]]:
        after = ""
        while True:
            page = self._client.manage("GET", "vaults", vault, "objects", kind, query={"after": after})
            yield from (row for row in page if bool(row["deleted"]) == deleted)
            if len(page) < _PAGE:
                return
            after = page[-1]["name"]

    def describe(self, vault: str, kind: str, name: str, version: str = "") -> dict[str, Any]:
        versions = self._request("GET", vault, kind, name)
        matching = [row for row in versions if row["version"] == version] if version else versions
        if not matching:
            raise CliError(f"There is no version {version} of {name}.", ExitCode.NOT_FOUND)
        return {"vault": vault, "kind": kind, "name": name, **matching[0], "versions": versions}

    def exists(self, vault: str, kind: str, name: str) -> bool:
        try:
            return bool(self.describe(vault, kind, name))
        except CliError as error:
            if error.code != ExitCode.NOT_FOUND:
                raise
            return False

    def create_key(self, vault: str, name: str, *, key_type: str, parameter: str, hardware: bool) -> dict[str, Any]:
        body = {"name": name, "type": key_type, "parameter": parameter, "hardware": hardware}
        return {"name": name, **self._client.manage("POST", "vaults", vault, "new-key", body=body)}

    def rotate_key(self, vault: str, name: str) -> dict[str, Any]:
        return {"name": name, **self._client.manage("POST", "vaults", vault, "keys", name, "rotate")}

    def set_enabled(self, vault: str, kind: str, name: str, version: str, *, enabled: bool) -> str:
        version = version or str(self.describe(vault, kind, name)["version"])
        self._request("POST", vault, kind, name, "versions", version, body={"enabled": enabled})
        return version

    def delete(self, vault: str, kind: str, name: str) -> None:
        self._request("DELETE", vault, kind, name)

    def recover(self, vault: str, kind: str, name: str) -> None:
        self._request("POST", vault, kind, name, "recover")

    def purge(self, vault: str, kind: str, name: str) -> None:
        self._request("POST", vault, kind, name, "purge")

    def key_attestation(self, vault: str, name: str, version: str) -> dict[str, Any]:
        """The signed statement about a key version."""
        query = {"version": version}
        result: dict[str, Any] = self._client.manage("GET", "vaults", vault, "keys", name, "attestation", query=query)
        return result

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

    def _request(self, method: str, vault: str, kind: str, name: str, *path: str, body: Any = None) -> Any:
        return self._client.manage(method, "vaults", vault, "objects", kind, name, *path, body=body)
