"""The report at the end of a start."""

import shlex

from apps.launcher import client_environment
from apps.launcher.state import StateDirectory, default_directory

_SNIPPET = """\
  from azure.identity import ClientSecretCredential
  from azure.keyvault.keys import KeyClient
  import os
  credential = ClientSecretCredential(os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"],
      os.environ["AZURE_CLIENT_SECRET"], authority=os.environ["PORTAL_AUTHORITY"], disable_instance_discovery=True)
  print(KeyClient(os.environ["VAULT_URL"], credential).create_rsa_key("first", hardware_protected=True).id)"""


def format_report(state: StateDirectory, invitation: str = "") -> str:
    """Format addresses, sign-ins and a snippet to copy; without the demo, the first administrator's invitation."""
    variables = client_environment.get_variables(state)
    where = "" if state.directory == default_directory() else f" --state-dir {shlex.quote(str(state.directory))}"
    lines = ["", "Addresses"]
    rows = [("portal", "PORTAL_URL"), ("auditors' portal", "PORTAL_AUDIT_URL"), ("token authority", "PORTAL_AUTHORITY")]
    rows += [("vault, world europe", "VAULT_URL"), ("vault, world america", "VAULT2_URL")]
    lines += [f"  {label:<22} {variables[name]}" for label, name in rows if name in variables]
    lines.append(f"  {'certificate authority':<22} {variables['PORTAL_CA']}")
    people = [name.removeprefix("PORTAL_USER_") for name in variables if name.startswith("PORTAL_USER_")]
    if people:
        lines += ["", "Sign-in of each role (the portal asks for a second factor the first time)"]
        lines += [f"  {variables[f'PORTAL_USER_{role}']:<22} {variables[f'PORTAL_PASSWORD_{role}']}" for role in people]
        lines += ["", "In a second terminal", f'  eval "$(./portal env{where})" && .venv/bin/python', _SNIPPET]
    if invitation:
        lines += ["", "First administrator", f"  {invitation}"]
        lines += ["  The browser warns about the certificate until it trusts the authority above."]
    lines += [
        "",
        "For programs that only ask DNS, as static Go programs do: a line of /etc/hosts, with each vault's name",
    ]
    lines += [f"  {client_environment.hosts_line(state)}"]
    lines += ["", f"Logs: {state.directory / 'logs'}   State: ./portal status{where}   Stop: Ctrl-C", ""]
    return "\n".join(lines)
