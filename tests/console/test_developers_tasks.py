"""The tasks of developers, as people do them; the most frequent ten are in test_ten_tasks_of_developers."""

import os
import subprocess

import psycopg
from playwright.sync_api import expect

from tests.support import developers
from tests.support.developers import ME, fresh
from tests.support.people import PORTAL, confirm


def test_a_secret_of_25_601_bytes_is_not_sent(dev, bench):
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/new-secret")
    dev.get_by_label("Name").fill("too-long")
    dev.get_by_label("Value").fill("é" * 12_800 + "x")
    expect(dev.locator("#size")).to_have_text("25601 / 25600")
    dev.get_by_role("button", name="Set secret").click()
    assert dev.url.endswith("/new-secret")
    dev.get_by_role("button", name="Generate 32 random bytes").click()
    expect(dev.locator("#size")).to_have_text("43 / 25600")


def test_add_a_certificate_and_a_trust(dev):
    openssl = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=pipeline",
    ]
    pem = subprocess.run(openssl, capture_output=True, text=True, check=True).stdout
    developers.make_application(dev, f"signing-{fresh()}")
    dev.locator(".crumbs a").click()
    dev.get_by_text("Add a certificate").click()
    dev.get_by_label("Certificate (PEM)").fill(pem)
    dev.get_by_role("button", name="Add certificate").click()
    confirm(dev, ME)
    expect(dev.get_by_role("cell", name="CN=pipeline", exact=True)).to_be_visible()
    dev.get_by_text("Trust another issuer").click()
    dev.get_by_label("Issuer").fill("https://token.actions.githubusercontent.com")
    dev.get_by_label("Subject", exact=True).fill("repo:acme/shop:ref:refs/heads/main")
    dev.get_by_role("button", name="Trust issuer").click()
    confirm(dev, ME)
    expect(dev.get_by_role("cell", name="repo:acme/shop:ref:refs/heads/main", exact=True)).to_be_visible()


def test_an_expired_credential_is_marked_and_a_valid_one_is_then_the_only_one(dev):
    made = developers.make_application(dev, f"ending-{fresh()}")
    dev.locator(".crumbs a").click()
    dev.get_by_role("button", name="Add a client secret").click()
    confirm(dev, ME)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        owner.execute(
            "UPDATE identity_clientsecret SET expires = now() - interval '1 day' WHERE id = (SELECT max(s.id::text)::uuid "
            "FROM identity_clientsecret s JOIN identity_applicationidentity a ON a.user_id = s.application_id "
            "WHERE a.client_id = %s)",
            [made["AZURE_CLIENT_ID"]],
        )
    dev.goto(f"{PORTAL}/dev/applications/{made['AZURE_CLIENT_ID']}")
    expect(dev.get_by_role("cell", name="expired")).to_have_count(1)
    expect(dev.get_by_role("cell", name="last credential")).to_have_count(1)


def test_without_javascript_a_comparison_says_that_the_value_must_be_typed_again(new_context, developer_state, bench):
    with new_context(storage_state=developer_state, java_script_enabled=False) as context:
        page = context.new_page()
        developers.open_edit(page, bench.vault, "password")
        page.get_by_label("Value").fill("another")
        page.get_by_role("button", name="Compare with current").click()
        expect(page.get_by_text("Please re-enter the value to save it")).to_be_visible()
        assert page.get_by_label("Value").input_value() == ""
        page.get_by_label("Value").fill("a third")
        page.locator("input[name=base]").evaluate("field => { field.value = '0'.repeat(32) }")
        page.get_by_role("button", name="Save password").click()
        expect(page.get_by_text("You edited version 00000000")).to_be_visible()


def test_a_secret_is_shown_also_when_the_role_beside_it_is_refused(dev, bench):
    dev.goto(f"{PORTAL}/dev/applications/new?vault={bench.vault}")
    dev.get_by_label("Name", exact=True).fill(fresh())
    dev.get_by_label("Role", exact=True).evaluate("choice => { choice.selectedOptions[0].value = ''; }")
    dev.get_by_role("button", name="Create application identity").click()
    confirm(dev, ME)
    expect(dev.get_by_role("status")).to_contain_text("There is no role")
    expect(dev.locator("#environment")).to_contain_text("export AZURE_CLIENT_SECRET=")
