"""What a person reads at the end of a start."""

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


def addresses(state: StateDirectory, invitation: str = "") -> str:
    """Addresses, sign-ins and a snippet to copy; without the demo, the first administrator's invitation."""
    found = client_environment.variables(state)
    where = "" if state.directory == default_directory() else f" --state-dir {shlex.quote(str(state.directory))}"
    lines = ["", "Addresses"]
    rows = [("portal", "PORTAL_URL"), ("auditors' portal", "PORTAL_AUDIT_URL"), ("token authority", "PORTAL_AUTHORITY")]
    rows += [("vault, world europe", "VAULT_URL"), ("vault, world america", "VAULT2_URL")]
    lines += [f"  {label:<22} {found[name]}" for label, name in rows if name in found]
    lines.append(f"  {'certificate authority':<22} {found['PORTAL_CA']}")
    people = [name.removeprefix("PORTAL_USER_") for name in found if name.startswith("PORTAL_USER_")]
    if people:
        lines += ["", "Sign-in of each duty (the portal asks for a second factor the first time)"]
        lines += [f"  {found[f'PORTAL_USER_{role}']:<22} {found[f'PORTAL_PASSWORD_{role}']}" for role in people]
        lines += ["", "In a second terminal", f'  eval "$(./portal env{where})" && .venv/bin/python', _SNIPPET]
    if invitation:
        lines += ["", "First administrator", f"  {invitation}"]
        lines += ["  The browser asks about the certificate until it knows the authority above."]
    lines += ["", f"Logs: {state.directory / 'logs'}   State: ./portal status{where}   Stop: Ctrl-C", ""]
    return "\n".join(lines)
