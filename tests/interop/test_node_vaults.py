"""`@azure/arm-keyvault`, unmodified: a vault from its creation to its purge."""

import pytest

from tests.support.compatibility import locked_in_node, proves
from tests.support.vault_manager import make_vault_manager

pytestmark = pytest.mark.stack


def test_the_javascript_management_client_manages_a_vault(start_script, stack, management, name):
    manager = make_vault_manager(stack, management)
    program, output = start_script(
        "vaults.mjs",
        ARM=manager.endpoint,
        SUBSCRIPTION=manager.subscription,
        GROUP=manager.group,
        LOCATION=manager.location,
        MANAGER_ID=manager.client_id,
        MANAGER_SECRET=manager.client_secret,
        VAULT_NAME=name,
    )
    assert program.wait(120) == 0, (output / "stderr").read_text()
    assert (output / "stdout").read_text() == "ok\n"
    what = "vaults: create, read, lists, change, delete, deleted vaults, recover, purge, name check"
    proves("JavaScript `@azure/arm-keyvault`", locked_in_node("@azure/arm-keyvault"), what)
