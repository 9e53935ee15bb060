"""The management API as people with a password use it (MANAGEMENT_BASIC, the demo alone)."""

import json
import os
import uuid

import urllib3


def vault_name(url):
    return url.split("//")[1].split(".")[0]


class Management:
    """A client of one person: of the demo's with this role, unless another is given."""

    def __init__(self, stack, role="SECOPS", *, username=None, password=None):
        self._stack, self._http = stack, stack.http()
        username = username or os.environ[f"PORTAL_USER_{role}"]
        password = password or os.environ[f"PORTAL_PASSWORD_{role}"]
        self._headers = urllib3.make_headers(basic_auth=f"{username}:{password}")

    def ask(self, method, path, body=None):
        url = f"{self._stack.portal_url}/api/v1/{path}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self._http.request(method, url, body=data, headers={**self._headers, "Content-Type": "application/json"})

    def vault(self, *, world="europe", production=False, **settings):
        """A new vault in which the demo's application may do everything; its URL. Guarded last: grants wait then."""
        name = f"t{uuid.uuid4().hex[:12]}"
        made = self.ask("POST", "vaults", {"name": name, "world": world, **settings})
        assert made.status == 201, made.data
        role = {"application": "demo-application", "role": "key-vault-administrator"}
        assert self.ask("POST", f"vaults/{name}/role-assignments", role).status == 201
        if production:
            assert self.ask("PATCH", f"vaults/{name}", {"production": True}).status == 200
        return self._stack.vault_url.replace(vault_name(self._stack.vault_url), name)

    def named_vault(self, **settings):
        """The name of such a vault."""
        return vault_name(self.vault(**settings))
