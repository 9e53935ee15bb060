"""What programs need to reach this installation: the variables of `./portal env`."""

import shlex

from apps.launcher.errors import LaunchError
from apps.launcher.setup import AUDIT_HOST, LOGIN, PORTAL
from apps.launcher.state import StateDirectory


def variables(state: StateDirectory) -> dict[str, str]:
    """Name to value. Raises `LaunchFault` when `up` has not finished here."""
    settings, demo = state.settings(), state.read_json("demo.json")
    if not settings:
        raise LaunchError(f"Nothing was started with the state {state.directory} yet. Run `./portal up` first.")
    port = settings["port"]
    found = {
        "PORTAL_URL": f"https://{PORTAL}:{port}",
        "PORTAL_AUDIT_URL": f"https://{AUDIT_HOST}:{state.auditors_port}",
        "PORTAL_AUTHORITY": f"https://{LOGIN}:{port}",
        "PORTAL_CA": str(state.directory / "tls" / "ca.pem"),
    }
    # So that the SDKs of Python (sync, async) and Node believe the installation's authority.
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        found[name] = found["PORTAL_CA"]
    if not demo:
        return found
    first, second = demo["vaults"]
    found |= {
        "VAULT_URL": f"https://{first['name']}.vault.localhost:{port}",
        "VAULT2_URL": f"https://{second['name']}.vault.localhost:{port}",
        "AZURE_TENANT_ID": demo["tenant_id"],
        "AZURE_CLIENT_ID": demo["application"]["client_id"],
        "AZURE_CLIENT_SECRET": demo["application"]["client_secret"],
        "PORTAL_STRANGER_CLIENT_ID": demo["stranger"]["client_id"],
        "PORTAL_STRANGER_CLIENT_SECRET": demo["stranger"]["client_secret"],
    }
    for person in demo["people"]:
        found[f"PORTAL_USER_{person['role']}"] = person["username"]
        found[f"PORTAL_PASSWORD_{person['role']}"] = person["password"]
    return found


def shell(state: StateDirectory) -> str:
    """The exports, quoted for a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables(state).items())
