"""The management API, as security operations use it: names, states and versions, never a value, never a use."""

from collections.abc import Iterator
from typing import Any

from .client import Client
from .problems import Exit, Problem
from .rows import quoted

_PAGE = 100  # of its lists


def addressed(client: Client, application: str) -> str:
    """An application as a segment of a path: its id where its name, from before such were refused, cannot be one."""
    if "/" in application or application in {".", ".."}:
        rows = client.manage("GET", "applications")
        application = next((row["client_id"] for row in rows if row["name"] == application), application)
    return quoted(application)


class Management:
    """What security operations do to the objects of a vault."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def rows(self, vault: str, kind: str) -> Iterator[dict[str, Any]]:
        return (row for row in self._list(vault, kind) if not row["deleted"])

    def deleted(self, vault: str, kind: str) -> Iterator[dict[str, Any]]:
        return (row for row in self._list(vault, kind) if row["deleted"])

    def _list(self, vault: str, kind: str) -> Iterator[dict[str, Any]]:
        after = ""
        while True:
            page = self._client.manage("GET", f"vaults/{quoted(vault)}/objects/{kind}", after=after)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1]["name"]

    def facts(self, vault: str, kind: str, name: str, version: str) -> dict[str, Any]:
        versions = self._client.manage("GET", self._path(vault, kind, name))
        found = [row for row in versions if row["version"] == version] if version else versions
        if not found:
            raise Problem(f"There is no version {version} of {name}.", Exit.NOT_FOUND)
        return {"vault": vault, "kind": kind, "name": name, **found[0], "versions": versions}

    def create_key(self, vault: str, name: str, *, key_type: str, parameter: str, hardware: bool) -> dict[str, Any]:
        body = {"name": name, "type": key_type, "parameter": parameter, "hardware": hardware}
        return {"name": name, **self._client.manage("POST", f"vaults/{quoted(vault)}/new-key", body)}

    def rotate_key(self, vault: str, name: str) -> dict[str, Any]:
        path = f"vaults/{quoted(vault)}/keys/{quoted(name)}/rotate"
        return {"name": name, **self._client.manage("POST", path)}

    def switch(self, vault: str, kind: str, name: str, version: str, *, enabled: bool) -> str:
        version = version or str(self.facts(vault, kind, name, "")["version"])
        path = f"{self._path(vault, kind, name)}/versions/{quoted(version)}"
        self._client.manage("POST", path, {"enabled": enabled})
        return version

    def delete(self, vault: str, kind: str, name: str) -> None:
        self._client.manage("DELETE", self._path(vault, kind, name))

    def recover(self, vault: str, kind: str, name: str) -> None:
        self._client.manage("POST", f"{self._path(vault, kind, name)}/recover")

    def purge(self, vault: str, kind: str, name: str) -> None:
        self._client.manage("POST", f"{self._path(vault, kind, name)}/purge")

    @staticmethod
    def _path(vault: str, kind: str, name: str) -> str:
        return f"vaults/{quoted(vault)}/objects/{kind}/{quoted(name)}"
