"""Environment variables with which programs reach this installation (`./portal env`)."""

import shlex
from urllib.parse import urlsplit

from apps.launcher.certificates import SUFFIX
from apps.launcher.errors import LaunchError
from apps.launcher.setup import AUDIT_HOST, LOGIN, PORTAL
from apps.launcher.state import StateDirectory


def get_variables(state: StateDirectory) -> dict[str, str]:
    """Map names to values. Raises `LaunchError` when `up` has not finished here."""
    settings, demo = state.settings(), state.read_json("demo.json")
    if not settings:
        raise LaunchError(f"Nothing was started with the state {state.directory} yet. Run `./portal up` first.")
    port = settings["port"]
    variables = {
        "PORTAL_URL": f"https://{PORTAL}:{port}",
        "PORTAL_AUDIT_URL": f"https://{AUDIT_HOST}:{state.auditors_port}",
        "PORTAL_AUTHORITY": f"https://{LOGIN}:{port}",
        "PORTAL_CA": str(state.directory / "tls" / "ca.pem"),
    }
    # So that the SDKs of Python (sync, async) and Node trust the installation's authority.
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        variables[name] = variables["PORTAL_CA"]
    if not demo:
        return variables
    first, second = demo["vaults"]
    variables |= {
        "VAULT_URL": f"https://{first['name']}.vault.localhost:{port}",
        "VAULT2_URL": f"https://{second['name']}.vault.localhost:{port}",
        "AZURE_TENANT_ID": demo["tenant_id"],
        "AZURE_CLIENT_ID": demo["application"]["client_id"],
        "AZURE_CLIENT_SECRET": demo["application"]["client_secret"],
        "PORTAL_STRANGER_CLIENT_ID": demo["stranger"]["client_id"],
        "PORTAL_STRANGER_CLIENT_SECRET": demo["stranger"]["client_secret"],
    }
    for person in demo["people"]:
        variables[f"PORTAL_USER_{person['role']}"] = person["username"]
        variables[f"PORTAL_PASSWORD_{person['role']}"] = person["password"]
    return variables


def format_exports(state: StateDirectory) -> str:
    """Format the exports, quoted for a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in get_variables(state).items())


def hosts_line(state: StateDirectory) -> str:
    """The line of `/etc/hosts` for programs that only ask DNS, where `*.localhost` does not exist."""
    variables = get_variables(state)
    vaults = [urlsplit(variables[name]).hostname or "" for name in ("VAULT_URL", "VAULT2_URL") if name in variables]
    return " ".join(["127.0.0.1", SUFFIX, PORTAL, LOGIN, f"auth.{SUFFIX}", f"arm.{SUFFIX}", AUDIT_HOST, *vaults])
