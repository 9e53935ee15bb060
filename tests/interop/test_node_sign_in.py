"""@azure/identity with environment variables alone: by a secret, a certificate, and the managed identity of a machine."""

import pytest

from tests.support.compatibility import locked_in_node, proves
from tests.support.identity_agent import make_application, running_agent
from tests.support.management import vault_name

pytestmark = pytest.mark.stack
NOBODY = {"AZURE_TENANT_ID": None, "AZURE_CLIENT_ID": None, "AZURE_CLIENT_SECRET": None}


def test_default_credential_of_javascript_signs_in(start_script, management, stack, name, tmp_path):
    client_id, certificate = make_application(management, vault_name(stack.vault_url), tmp_path)
    # Requests to other hosts than ours are not possible for these.
    ours = {"AZURE_AUTHORITY_HOST": stack.authority, "AZURE_TENANT_ID": "adfs", "HTTPS_PROXY": "http://127.0.0.1:9"}
    ours["NO_PROXY"] = ".localhost"
    files = {"AZURE_CLIENT_ID": client_id, "AZURE_CLIENT_CERTIFICATE_PATH": str(certificate)}
    with running_agent(stack, tmp_path, client_id, certificate) as (variables, _):
        started = {
            "secret": start_script("signin.mjs", **ours, SECRET_NAME=f"{name}-1"),
            "certificate": start_script("signin.mjs", **NOBODY | ours | files, SECRET_NAME=f"{name}-2"),
            "agent": start_script("signin.mjs", **NOBODY, **variables, SECRET_NAME=f"{name}-3"),
        }
        for how, (program, output) in started.items():
            assert program.wait(120) == 0, (how, (output / "stderr").read_text())
            assert (output / "stdout").read_text() == "ok\n"
    what = "`DefaultAzureCredential` by environment variables alone: secret, certificate, managed identity"
    proves("JavaScript `@azure/identity`", locked_in_node("@azure/identity"), what)
