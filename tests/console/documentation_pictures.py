"""Takes the pictures of the documents anew, into docs/pictures. Not a part of the suite: the pages have tests of their own.

DOCS_PICTURES=1 ./portal test tests/console/documentation_pictures.py tests/console/test_first_administrator.py
"""

import os
import uuid

import psycopg
import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.support import activity_data, developers
from tests.support.audit_portal import AUDIT
from tests.support.counts import wait_explainable
from tests.support.people import PORTAL
from tests.support.waiting import wait_until


def test_pictures_for_security_operations(page, lived_in, keep, stack):
    page.goto(f"{PORTAL}/secops/")
    keep(page, "secops-overview", high=760)
    page.goto(f"{PORTAL}/secops/vaults/demo-europe/keys/{activity_data.KEY}")
    keep(page, "secops-key")
    page.goto(f"{PORTAL}/secops/approvals")
    keep(page, "secops-approval")
    page.goto(f"{PORTAL}/secops/vaults/demo-europe/roll")
    keep(page, "secops-rollover")


def test_pictures_for_developers(dev, bench, keep, stack):
    dev.goto(f"{PORTAL}/dev/vaults/new")
    keep(dev, "developer-test-vault")
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/keys/signing?tab=use")
    dev.get_by_role("button", name="Run a test call").click()
    expect(dev.get_by_text("succeeded")).to_be_visible()
    dev.evaluate("scrollTo(0, 0)")
    keep(dev, "developer-snippet", high=860)
    credential = developers.credential_of(bench, stack)
    with pytest.raises(HttpResponseError) as refused:
        SecretClient(stack.vault_url, credential, connection_verify=stack.ca).get_secret("payroll-database")
    wait_explainable(refused.value.response.headers["x-ms-request-id"])
    dev.goto(f"{PORTAL}/dev/explain?id={refused.value.response.headers['x-ms-request-id']}")
    expect(dev.get_by_text("still denied")).to_be_visible()
    keep(dev, "developer-explained")
    developers.reveal(dev, bench.vault, "password", reason="The batch of last night says that it is wrong.")
    expect(dev.locator("#value")).to_be_visible()
    keep(dev, "developer-revealed")


def test_pictures_of_a_developers_every_day(dev, new_context, developer_state, bench, keep, stack, secops_limits):
    developers.set_secret(dev, bench.vault, "database", "host=db1\nuser=batch\npassword=old")
    developers.open_edit(dev, bench.vault, "database")
    with new_context(storage_state=developer_state) as context:
        faster = context.new_page()
        developers.open_edit(faster, bench.vault, "database")
        faster.get_by_label("Value").fill("host=db2\nuser=batch\npassword=theirs")
        faster.get_by_role("button", name="Save database").click()
        faster.wait_for_url("**/secrets/database")
    dev.get_by_label("Value").fill("host=db1\nuser=batch\npassword=mine")
    dev.get_by_role("button", name="Save database").click()
    expect(dev.locator("#compared")).to_contain_text("Someone else saved first")
    keep(dev, "developer-compared", high=860)
    live_with(bench, stack)
    dev.wait_for_timeout(2500)
    dev.goto(f"{PORTAL}/dev/applications/{bench.environment['AZURE_CLIENT_ID']}")
    keep(dev, "developer-application", high=860)
    secops_limits(bench.vault, {"rsa-2048": 400})
    dev.goto(f"{PORTAL}/dev/usage?vault={bench.vault}")
    keep(dev, "developer-usage", high=860)
    secops_limits(bench.vault, {})
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/bench")
    expect(dev.get_by_text("Denied in the last 15 minutes")).to_be_visible()
    keep(dev, "developer-bench", high=700)


def live_with(bench, stack):
    """A program that works, and meets a key that somebody disabled."""
    url, credential = developers.stack_url(bench, stack), developers.credential_of(bench, stack)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        activity_data.hours_of_work(owner, bench.vault)
    key = KeyClient(url, credential, connection_verify=stack.ca).get_key("signing")
    program = CryptographyClient(key, credential, connection_verify=stack.ca)
    for _ in range(30):
        program.sign(SignatureAlgorithm.es256, bytes(32))
    keys = KeyClient(url, credential, connection_verify=stack.ca)
    keys.update_key_properties("signing", enabled=False)

    def is_denied():
        try:
            CryptographyClient(key.id, credential, connection_verify=stack.ca).sign(SignatureAlgorithm.es256, bytes(32))
        except HttpResponseError:
            return True
        return False

    try:
        wait_until(is_denied, "the program is denied")
    finally:
        keys.update_key_properties("signing", enabled=True)


def use_two_secrets(url, credential, stack):
    """Something for the map of who uses what."""
    secrets = SecretClient(url, credential, connection_verify=stack.ca)
    for name in ("payroll-database", "mail-relay"):
        secrets.set_secret(name, "v")
        secrets.get_secret(name)


def test_pictures_for_auditors(auditor, lived_in, keep, stack, management):
    url = management.vault()
    credential = stack.credential(ClientSecretCredential)
    keys = KeyClient(url, credential, connection_verify=stack.ca)
    keys.create_ec_key(f"k{uuid.uuid4().hex[:6]}")
    use_two_secrets(url, credential, stack)
    auditor.wait_for_timeout(2500)  # records get their numbers, and uses are counted
    auditor.goto(f"{AUDIT}/records?vault=demo-europe")
    keep(auditor, "auditor-explorer")
    auditor.goto(f"{AUDIT}/records?vault={url.split('//')[1].split('.')[0]}&operation=SecretGet")
    auditor.locator("#rows a").first.click()
    expect(auditor.locator(".pill.ok", has_text="proven")).to_be_visible()
    keep(auditor, "auditor-record", high=520)
    auditor.goto(f"{AUDIT}/integrity?vault=demo-europe")
    expect(auditor.locator("main .value")).to_contain_text("Verified to record", timeout=30_000)
    keep(auditor, "auditor-integrity")
    auditor.goto(f"{AUDIT}/queue")
    keep(auditor, "auditor-queue")
    auditor.goto(f"{AUDIT}/access?vault=demo-europe")
    keep(auditor, "auditor-access")
    auditor.goto(f"{AUDIT}/patterns?vault={url.split('//')[1].split('.')[0]}")
    expect(auditor.get_by_role("figure")).to_have_count(2)
    keep(auditor, "auditor-patterns", high=820)
    auditor.goto(f"{AUDIT}/evidence")
    auditor.get_by_label("Log").select_option("demo-europe")
    auditor.get_by_role("button", name="Create evidence pack").click()
    auditor.locator(".task").first.get_by_role("link", name="Download the pack").wait_for(timeout=120_000)
    keep(auditor, "auditor-evidence", high=560)
