"""A refused call explained by its request id, each status that a program meets, in the browser."""

import re

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.support import developers
from tests.support.counts import wait_explainable
from tests.support.developers import fresh
from tests.support.people import PORTAL
from tests.support.screenshots import accessible, picture


def explained(page, request_id):
    wait_explainable(request_id)
    page.goto(f"{PORTAL}/dev/explain?id={request_id}")
    return page.locator("main section").first


def test_a_401_is_explained_by_the_id_in_the_sdks_message(dev, bench, stack):
    """A credential that is not taken gets no further than the authority: its answer has the id."""
    wrong = developers.credential_of(bench, stack, "x" * 40)
    with pytest.raises(ClientAuthenticationError, match="Trace ID") as caught:
        SecretClient(developers.stack_url(bench, stack), wrong, connection_verify=stack.ca).get_secret("password")
    shown = explained(dev, re.search(r"Trace ID: ([0-9a-f-]{36})", caught.value.message)[1])
    expect(shown.get_by_role("status")).to_contain_text("has a client secret that was valid then, and this was not it")
    expect(shown.get_by_text("You can: the application is yours.")).to_be_visible()
    accessible(dev)
    picture(dev, "dev-explained-401")
    shown.get_by_role("link", name=bench.application).click()
    expect(dev.get_by_role("heading", name="Recent denials")).to_be_visible()
    expect(dev.get_by_role("cell", name="401", exact=True).first).to_be_visible()


def test_a_404_and_a_409_of_a_deleted_name_lead_to_its_page(dev, bench, stack):
    name, secrets = f"g{fresh()}", developers.sdk(SecretClient, bench, stack)
    secrets.set_secret(name, "v")
    secrets.begin_delete_secret(name).wait()
    numbers = []
    for call in (secrets.get_secret, lambda again: secrets.set_secret(again, "w")):
        with pytest.raises(HttpResponseError) as caught:
            call(name)
        numbers.append(caught.value.response.headers["x-ms-request-id"])
    shown = explained(dev, numbers[0])
    expect(shown.get_by_role("status")).to_contain_text(f"{name} is deleted and can be recovered.")
    shown = explained(dev, numbers[1])
    expect(shown.get_by_role("status")).to_contain_text("The name belongs to a deleted object.")
    expect(shown.get_by_text("You can: your role there allows it.")).to_be_visible()
    picture(dev, "dev-explained-409")
    shown.get_by_role("link", name=f"{bench.vault}/{name}").click()
    dev.get_by_role("button", name=f"Recover {name}").click()
    assert secrets.get_secret(name).value == "v"


def hurry(secrets):
    for _ in range(12):
        secrets.set_secret("fast", "v")


def test_a_429_names_its_limit_and_when_there_was_room_again(dev, bench, stack, secops_limits):
    secops_limits(bench.vault, {"secret-create": 1})
    try:
        dev.wait_for_timeout(1100)
        secrets = developers.sdk(SecretClient, bench, stack, retry_total=0)
        with pytest.raises(HttpResponseError) as caught:
            hurry(secrets)
        assert caught.value.status_code == 429
    finally:
        secops_limits(bench.vault, {})
    shown = explained(dev, caught.value.response.headers["x-ms-request-id"])
    expect(shown.get_by_role("status")).to_contain_text("of the kind secret-create in ten seconds. The vault may do 1.")
    expect(shown.get_by_text("1 per 10 seconds")).to_be_visible()
    expect(shown.locator("dd", has_text="later")).to_contain_text(re.compile(r"\d+ seconds? later \(.*:\d\d:\d\d\)"))
    accessible(dev)
    picture(dev, "dev-explained-429")


def test_what_a_program_of_mine_misses_in_my_vault_i_give_from_there(dev, bench, stack):
    name = f"new-{fresh()}"
    made = developers.make_application(dev, name)
    credential = ClientSecretCredential(
        stack.tenant, made["AZURE_CLIENT_ID"], made["AZURE_CLIENT_SECRET"],
        authority=stack.authority, disable_instance_discovery=True,
    )  # fmt: skip
    with pytest.raises(HttpResponseError) as caught:
        SecretClient(developers.stack_url(bench, stack), credential, connection_verify=stack.ca).get_secret("password")
    shown = explained(dev, caught.value.response.headers["x-ms-request-id"])
    expect(shown.get_by_text("You can grant it: the vault is yours.")).to_be_visible()
    shown.get_by_role("link", name=f"Assign a role to {name}").click()
    expect(dev.get_by_label("Application")).to_have_value(name)
    expect(dev.get_by_label("Role")).to_have_value("key-vault-secrets-user")
    dev.get_by_role("button", name="Assign role").click()
    dev.wait_for_timeout(1000)
    got = SecretClient(developers.stack_url(bench, stack), credential, connection_verify=stack.ca).get_secret(
        "password"
    )
    assert got.value.startswith("correct")


def test_a_refused_test_call_is_explained_too(dev, bench):
    name = f"o{fresh()}"
    developers.make_key(dev, bench.vault, name)
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/keys/{name}")
    dev.get_by_role("button", name="Disable version").click()
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/keys/{name}?tab=use")
    dev.get_by_role("button", name="Run a test call").click()
    expect(dev.locator("#tried")).to_contain_text("denied")
    dev.wait_for_timeout(2500)
    dev.get_by_role("link", name="Explain this denial").click()
    expect(dev.get_by_role("status")).to_contain_text("This version of the key is disabled.")
    expect(dev.get_by_text("You can: your role there allows it.")).to_be_visible()
