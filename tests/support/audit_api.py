"""The query API as a script of an auditor uses it."""

import os

import urllib3

AUDIT = os.environ.get("PORTAL_AUDIT_URL", "")


class Api:
    """Somebody at the auditors' host, by name and password (MANAGEMENT_BASIC, the demo alone)."""

    def __init__(self, stack, role="AUDITOR"):
        self._http = stack.http()
        user = f"{os.environ[f'PORTAL_USER_{role}']}:{os.environ[f'PORTAL_PASSWORD_{role}']}"
        self.headers = urllib3.make_headers(basic_auth=user)

    def ask(self, path, *, method="GET", base=f"{AUDIT}/api/v1/audit/", **fields):
        fields = {name.rstrip("_"): value for name, value in fields.items()}
        return self._http.request(method, base + path, fields=fields or None, headers=self.headers)

    def send(self, path, body):
        """A POST with JSON."""
        return self._http.request("POST", f"{AUDIT}/api/v1/audit/{path}", json=body, headers=self.headers)
