"""The management API, as developers use it: values of secrets with a reason, and test calls as oneself."""

from typing import Any

from .management import Management
from .problems import Exit, Problem
from .rows import quoted


class Developing(Management):
    """What developers do to the objects of vaults in which they have a role. Whatever the role, it is recorded."""

    def exists(self, vault: str, kind: str, name: str) -> bool:
        try:
            return bool(self.facts(vault, kind, name, ""))
        except Problem as problem:
            if problem.code != Exit.NOT_FOUND:
                raise
            return False

    def value(self, vault: str, name: str, version: str = "", reason: str = "") -> str:
        """A secret's value, shown to a person who says why. Raises `Problem`."""
        if not reason.strip():
            raise Problem("Say why you need to see it; auditors read that: --reason 'looking into ...'", Exit.USAGE)
        path = f"vaults/{quoted(vault)}/secrets/{quoted(name)}/reveal"
        return str(self._client.manage("POST", path, {"reason": reason, "version": version})["value"])

    def set_value(
        self, vault: str, name: str, value: str, content_type: str, base: str | None = None
    ) -> dict[str, Any]:
        """`base`: the version that it starts from; empty: there is none yet; None: whatever is there."""
        body = {"value": value, "content_type": content_type or None, "base_version": base}
        made = self._client.manage("PUT", f"vaults/{quoted(vault)}/secrets/{quoted(name)}", body)
        return {"name": name, **made}

    def try_it(self, vault: str, kind: str, name: str) -> dict[str, Any]:
        """One real operation."""
        found: dict[str, Any] = self._client.manage("POST", f"{self._path(vault, kind, name)}/try")
        return found
