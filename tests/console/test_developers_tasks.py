"""The tasks of developers, as people do them."""

import os
import subprocess
import sys
import time

import psycopg
from playwright.sync_api import expect

from tests.support import developers
from tests.support.counts import wait_counted
from tests.support.developers import ME, fresh
from tests.support.people import PORTAL, confirm
from tests.support.screenshots import accessible, picture


def test_reveal_a_secret_with_a_reason_and_it_hides_again(dev, bench):
    answers = []
    dev.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/reveal") else None)
    dev.clock.install()
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/secrets/password")
    assert "battery" not in dev.content()
    developers.reveal(dev, bench.vault, "password")
    expect(dev.locator("#value")).to_have_text("correct horse\nbattery staple")
    assert answers[-1].headers["cache-control"] == "no-store"
    accessible(dev)
    picture(dev, "dev-revealed")
    dev.clock.fast_forward(20_000)  # time goes on besides
    expect(dev.locator("#value")).to_have_count(1)
    dev.clock.fast_forward(12_000)
    expect(dev.locator("#value")).to_have_count(0)
    dev.wait_for_url("**/secrets/password")
    assert "battery" not in dev.content()
    dev.go_back()
    assert "battery" not in dev.content()


def test_edit_a_secret_and_be_stopped_when_somebody_was_faster(new_context, developer_state, dev, bench):
    name = f"s{fresh()}"
    developers.set_secret(dev, bench.vault, name, "host=a\nuser=b\npassword=c")
    developers.open_edit(dev, bench.vault, name)
    dev.get_by_label("Value").fill("host=a\nuser=b\npassword=mine")
    expect(dev.locator("#size")).to_have_text("27 / 25600")
    with new_context(storage_state=developer_state) as context:
        faster = context.new_page()
        developers.open_edit(faster, bench.vault, name)
        faster.get_by_label("Value").fill("host=a\nuser=theirs\npassword=theirs")
        faster.get_by_role("button", name=f"Save {name}").click()
        faster.wait_for_url(f"**/secrets/{name}")
    dev.get_by_role("button", name=f"Save {name}").click()
    expect(dev.locator("#compared")).to_contain_text("Someone else saved first")
    expect(dev.locator("#compared").get_by_text("both changed")).to_have_count(1)
    shown = dev.locator("#compared").inner_html()
    assert "theirs" not in shown
    assert "mine" not in shown
    assert "host=" not in shown
    picture(dev, "dev-compared")
    accessible(dev)
    assert dev.get_by_label("Value").input_value().endswith("password=mine")
    dev.get_by_role("button", name=f"Save {name}").click()
    dev.wait_for_url(f"**/secrets/{name}")
    developers.reveal(dev, bench.vault, name)
    expect(dev.locator("#value")).to_have_text("host=a\nuser=b\npassword=mine")


def test_a_secret_of_25_601_bytes_is_not_sent(dev, bench):
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/new-secret")
    dev.get_by_label("Name").fill("too-long")
    dev.get_by_label("Value").fill("é" * 12_800 + "x")
    expect(dev.locator("#size")).to_have_text("25601 / 25600")
    dev.get_by_role("button", name="Set secret").click()
    assert dev.url.endswith("/new-secret")
    dev.get_by_role("button", name="Generate 32 random bytes").click()
    expect(dev.locator("#size")).to_have_text("43 / 25600")


def test_replace_a_credential_without_a_gap(dev, bench):
    developers.make_application(dev, f"rolling-{fresh()}")
    dev.locator(".crumbs a").click()
    expect(dev.get_by_role("cell", name="last credential")).to_be_visible()
    dev.get_by_role("button", name="Add a client secret").click()
    confirm(dev, ME)
    expect(dev.locator("#environment")).to_contain_text("AZURE_CLIENT_SECRET")
    dev.locator(".crumbs a").click()
    expect(dev.get_by_role("button", name="Remove secret")).to_have_count(2)
    expect(dev.get_by_role("cell", name="last credential")).to_have_count(0)
    dev.get_by_role("button", name="Remove secret 1").click()
    expect(dev.get_by_role("button", name="Remove secret")).to_have_count(1)


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


def test_break_a_key_on_the_bench_and_watch_the_program(dev, bench, stack):
    name = f"b{fresh()}"
    developers.make_key(dev, bench.vault, name)
    program = developers.snippet_of(dev, bench, f"keys/{name}", "python")
    environment = {**os.environ, **bench.environment, "REQUESTS_CA_BUNDLE": stack.ca}

    def call():
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, check=False
        )

    assert call().returncode == 0
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/bench")
    dev.get_by_role("button", name=f"Disable {name}", exact=True).click()
    expect(dev.get_by_role("status")).to_contain_text("is disabled")
    time.sleep(1)
    assert call().returncode != 0
    row = dev.locator("#calls tr", has_text=f"keys/{name}").first
    expect(row).to_be_visible(timeout=8_000)  # the page asks by itself
    assert dev.locator("#calls td", has_text="KeyUpdate").count() == 0  # what the person did is no call of a program
    expect(dev.locator("#calls").get_by_role("link", name="Explain denial").first).to_be_visible(timeout=8_000)
    picture(dev, "dev-bench-used")
    dev.get_by_role("button", name=f"Enable {name}", exact=True).click()
    dev.get_by_role("button", name=f"Rotate {name}", exact=True).click()
    expect(dev.get_by_role("status")).to_contain_text("rotated to version")
    time.sleep(1)
    assert call().returncode == 0
    dev.get_by_role("button", name=f"Delete {name}", exact=True).click()
    time.sleep(1)
    assert call().returncode != 0
    dev.get_by_role("button", name=f"Recover {name}", exact=True).click()
    expect(dev.get_by_role("status")).to_contain_text("is recovered")


def test_see_the_usage_and_the_limit(dev, bench, stack, secops_limits):
    developers.python(dev, bench, stack, "secrets/password")
    secops_limits(bench.vault, {"rsa-2048": 150})
    wait_counted(bench.vault, "SecretGet", "password")
    dev.goto(f"{PORTAL}/dev/usage?vault={bench.vault}")
    expect(dev.get_by_role("cell", name="SecretGet").first).to_be_visible()
    expect(dev.get_by_text("limit 900/min")).to_be_visible()
    dev.get_by_text(f"All limits of {bench.vault}").click()
    expect(dev.get_by_role("row", name="rsa-2048")).to_contain_text("150")
    assert dev.get_by_text("hsm-rsa-2048").count() == 0  # a test vault has none
    secops_limits(bench.vault, {})
    dev.reload()
    expect(
        dev.get_by_text(
            "Above the limit the vault returns 429"
            if os.environ.get("QUOTA_FACTOR") != "0"
            else "This vault has no limit."
        )
    ).to_be_visible()


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


def test_keys_alone_find_a_secret(dev, bench):
    dev.goto(f"{PORTAL}/dev/")
    dev.keyboard.press("/")
    dev.keyboard.type("passw")
    dev.keyboard.press("Enter")
    dev.wait_for_url("**/search**")
    dev.get_by_role("link", name=f"{bench.vault}/password").focus()
    dev.keyboard.press("Enter")
    dev.wait_for_url("**/secrets/password")
    dev.keyboard.press("g")
    dev.keyboard.press("e")
    dev.wait_for_url("**/explain")


def test_stop_an_application_whose_credential_leaked(dev):
    name = f"leaked-{fresh()}"
    developers.make_application(dev, name)
    dev.locator(".crumbs a").click()
    dev.get_by_role("button", name=f"Suspend {name}").click()
    expect(dev.get_by_text("suspended", exact=True)).to_be_visible()
    assert dev.get_by_role("button", name=f"Reactivate {name}").count() == 0


def test_a_secret_is_shown_also_when_the_role_beside_it_is_refused(dev, bench):
    dev.goto(f"{PORTAL}/dev/applications/new?vault={bench.vault}")
    dev.get_by_label("Name", exact=True).fill(fresh())
    dev.get_by_label("Role", exact=True).evaluate("choice => { choice.selectedOptions[0].value = ''; }")
    dev.get_by_role("button", name="Create application identity").click()
    confirm(dev, ME)
    expect(dev.get_by_role("status")).to_contain_text("There is no role")
    expect(dev.locator("#environment")).to_contain_text("export AZURE_CLIENT_SECRET=")
