"""The ten most frequent tasks of developers, with every page on the way read by axe in each theme.

By keyboard alone where people would: finding, making, trying, explaining. Further tasks are in
test_developers_tasks.
"""

import os
import re

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import SignatureAlgorithm
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.support import developers
from tests.support.counts import wait_counted, wait_explainable
from tests.support.developers import ME, fresh
from tests.support.keyboard import fill, press, tab_to
from tests.support.people import PORTAL, confirm


@pytest.fixture
def me(dev):
    return dev


@pytest.fixture
def program(bench, stack):
    """The bench's application as a program: a client of one vault."""
    return lambda kind, url="": developers.sdk(kind, bench, stack, url)


def test_1_make_a_test_vault_and_a_key_by_keyboard(me, clean):
    vault = fresh()
    me.goto(f"{PORTAL}/dev/")
    clean(me, "dev-overview")
    press(me, me.get_by_role("main").get_by_role("link", name="Create a test vault"))
    fill(me, me.get_by_label("Name"), vault)
    me.keyboard.press("Enter")
    me.wait_for_url(f"**/dev/vaults/{vault}")
    clean(me, "dev-vault-empty")
    press(me, me.get_by_role("link", name="Create the first key"))
    fill(me, me.get_by_label("Name"), "first")
    me.keyboard.press("Enter")
    me.wait_for_url("**/keys/first**")
    clean(me, "dev-key-made")


def test_2_copy_the_program_and_run_a_test_call_by_keyboard(me, bench, clean):
    me.goto(f"{PORTAL}/dev/vaults/{bench.vault}/keys/signing")
    press(me, me.get_by_role("link", name="Code samples", exact=True))
    press(me, me.get_by_role("link", name="JavaScript"))
    expect(me.locator("#snippet")).to_contain_text(f"https://{bench.vault}.")
    clean(me, "dev-snippet")
    press(me, me.get_by_role("button", name="Run a test call"))
    expect(me.locator("#tried")).to_contain_text("succeeded")
    assert re.fullmatch(r"[\w-]{86}", me.locator("#result").text_content())
    clean(me, "dev-tried")
    me.goto(f"{PORTAL}/dev/vaults/{bench.vault}/secrets/password?tab=use")
    me.get_by_role("button", name="Run a test call").click()
    expect(me.locator("#result")).to_have_text("28 bytes")
    assert "battery" not in me.content()


def test_3_find_a_secret_by_keyboard(me, bench, clean):
    me.goto(f"{PORTAL}/dev/")
    me.keyboard.press("/")
    me.keyboard.type("passw")
    me.keyboard.press("Enter")
    me.wait_for_url("**/search**")
    clean(me, "dev-search")
    press(me, me.get_by_role("link", name=f"{bench.vault}/password"))
    me.wait_for_url("**/secrets/password")


def test_4_see_a_secret_with_a_reason_until_it_hides_again(me, bench, clean):
    answers = []
    me.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/reveal") else None)
    me.clock.install()
    me.goto(f"{PORTAL}/dev/vaults/{bench.vault}/secrets/password")
    assert "battery" not in me.content()
    clean(me, "dev-secret")
    developers.reveal(me, bench.vault, "password")
    expect(me.locator("#value")).to_have_text("correct horse\nbattery staple")
    assert answers[-1].headers["cache-control"] == "no-store"
    clean(me, "dev-revealed")
    me.clock.fast_forward(20_000)  # real time passes as well
    expect(me.locator("#value")).to_have_count(1)
    me.clock.fast_forward(12_000)
    expect(me.locator("#value")).to_have_count(0)
    me.wait_for_url("**/secrets/password")
    assert "battery" not in me.content()
    me.go_back()
    assert "battery" not in me.content()


def test_5_change_a_secret_from_the_version_one_saw(me, bench, program, clean):
    name = f"s{fresh()}"
    developers.set_secret(me, bench.vault, name, "host=a\nuser=b\npassword=c")
    developers.open_edit(me, bench.vault, name)
    me.get_by_label("Value").fill("host=a\nuser=b\npassword=mine")
    expect(me.locator("#size")).to_have_text("27 / 25600")
    program(SecretClient).set_secret(name, "host=a\nuser=theirs\npassword=theirs")
    me.get_by_role("button", name=f"Save {name}").click()
    expect(me.locator("#compared")).to_contain_text("Someone else saved first")
    expect(me.locator("#compared").get_by_text("both changed")).to_have_count(1)
    shown = me.locator("#compared").inner_html()
    assert not [value for value in ("theirs", "mine", "host=") if value in shown]
    clean(me, "dev-compared")
    assert me.get_by_label("Value").input_value().endswith("password=mine")
    me.get_by_role("button", name=f"Save {name}").click()
    me.wait_for_url(f"**/secrets/{name}")
    assert program(SecretClient).get_secret(name).value == "host=a\nuser=b\npassword=mine"


def test_6_find_out_by_keyboard_why_a_call_was_refused(me, stack, program, clean):
    with pytest.raises(HttpResponseError) as caught:
        program(KeyClient, stack.vault_url).get_key("theirs")
    wait_explainable(caught.value.response.headers["x-ms-request-id"])
    me.goto(f"{PORTAL}/dev/")
    me.keyboard.press("g")
    me.keyboard.press("e")
    me.wait_for_url("**/explain")
    fill(me, me.get_by_label("Request id"), caught.value.response.headers["x-ms-request-id"])
    me.keyboard.press("Enter")
    expect(me.get_by_role("status")).to_contain_text("asked for keys/get at key theirs in vault demo-europe")
    expect(me.get_by_text("Security operations can grant it.")).to_be_visible()
    expect(me.get_by_text("still denied")).to_be_visible()
    expect(me.locator("#ask")).to_contain_text("for example Key Vault Crypto Service Encryption User")
    clean(me, "dev-explained")


def test_7_replace_a_credential_without_a_gap(me, clean):
    developers.make_application(me, f"rolling-{fresh()}")
    me.locator(".crumbs a").click()
    clean(me, "dev-application")
    expect(me.get_by_role("cell", name="last credential")).to_be_visible()
    me.get_by_role("button", name="Add a client secret").click()
    confirm(me, ME)
    expect(me.locator("#environment")).to_contain_text("AZURE_CLIENT_SECRET")
    clean(me, "dev-second-secret")
    me.locator(".crumbs a").click()
    expect(me.get_by_role("button", name="Remove secret")).to_have_count(2)
    expect(me.get_by_role("cell", name="last credential")).to_have_count(0)
    tab_to(me, me.get_by_role("button", name="Remove secret 1"))
    me.keyboard.press("Enter")
    expect(me.get_by_role("button", name="Remove secret")).to_have_count(1)


def test_8_stop_an_application_whose_credential_leaked(me, clean):
    name = f"leaked-{fresh()}"
    developers.make_application(me, name)
    me.locator(".crumbs a").click()
    press(me, me.get_by_role("button", name=f"Suspend {name}"))
    expect(me.get_by_text("suspended", exact=True)).to_be_visible()
    assert me.get_by_role("button", name=f"Reactivate {name}").count() == 0
    clean(me, "dev-stopped")


def test_9_see_how_near_the_limit_one_is(me, bench, program, clean, secops_limits):
    program(SecretClient).get_secret("password")
    secops_limits(bench.vault, {"rsa-2048": 150})
    wait_counted(bench.vault, "SecretGet", "password")
    me.goto(f"{PORTAL}/dev/")
    me.keyboard.press("g")
    me.keyboard.press("u")
    me.wait_for_url("**/usage")
    me.get_by_label("Vault").select_option(bench.vault)
    me.get_by_role("button", name="Show").click()
    expect(me.get_by_role("cell", name="SecretGet").first).to_be_visible()
    expect(me.get_by_text("limit 900/min")).to_be_visible()
    me.get_by_text(f"All limits of {bench.vault}").click()
    expect(me.get_by_role("row", name="rsa-2048")).to_contain_text("150")
    assert me.get_by_text("hsm-rsa-2048").count() == 0  # a test vault has none
    clean(me, "dev-usage")
    secops_limits(bench.vault, {})
    me.reload()
    limited = os.environ.get("QUOTA_FACTOR") != "0"
    expect(
        me.get_by_text("Above the limit the vault returns 429" if limited else "This vault has no limit.")
    ).to_be_visible()


def test_10_break_a_key_on_the_bench_and_watch_the_program(me, bench, program, clean):
    name = f"b{fresh()}"
    developers.make_key(me, bench.vault, name)
    sign = program(KeyClient).get_cryptography_client(name).sign
    assert sign(SignatureAlgorithm.es256, bytes(32)).signature
    me.goto(f"{PORTAL}/dev/vaults/{bench.vault}/bench")
    press(me, me.get_by_role("button", name=f"Disable {name}", exact=True))
    expect(me.get_by_role("status")).to_contain_text("is disabled")
    me.wait_for_timeout(1000)
    with pytest.raises(HttpResponseError, match="disabled"):
        sign(SignatureAlgorithm.es256, bytes(32))
    expect(me.locator("#calls")).to_contain_text(f"keys/{name}", timeout=8_000)  # the page reloads its calls
    assert me.locator("#calls td", has_text="KeyUpdate").count() == 0  # what the person did is no call of a program
    expect(me.locator("#calls").get_by_role("link", name="Explain denial").first).to_be_visible(timeout=8_000)
    clean(me, "dev-bench")
    press(me, me.get_by_role("button", name=f"Enable {name}", exact=True))
    press(me, me.get_by_role("button", name=f"Rotate {name}", exact=True))
    expect(me.get_by_role("status")).to_contain_text("rotated to version")
    press(me, me.get_by_role("button", name=f"Delete {name}", exact=True))
    expect(me.get_by_role("button", name=f"Recover {name}", exact=True)).to_be_visible()
    with pytest.raises(HttpResponseError, match="not found"):
        program(KeyClient).get_key(name)
    press(me, me.get_by_role("button", name=f"Recover {name}", exact=True))
    expect(me.get_by_role("status")).to_contain_text("is recovered")
    assert program(KeyClient).get_key(name).name == name
