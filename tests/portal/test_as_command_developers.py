"""Each form of developers shows the command that does the same; what it shows is run as it stands."""

import os
import subprocess

import psycopg
import pytest
from playwright.sync_api import expect

from tests.cli.conftest import Terminal, as_person, program
from tests.portal.test_as_command import run, shown
from tests.support import developers
from tests.support.counts import wait_explainable
from tests.support.developers import fresh
from tests.support.people import PORTAL, confirm
from tests.support.screenshots import look_at

pytestmark = pytest.mark.stack


@pytest.fixture
def terminal(stack, tmp_path):
    """A developer's, who must name the vault: nothing but the command says it."""
    there = as_person(Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca), "DEVELOPER")
    del there.environment["PORTAL_VAULT"]
    return there


def command_of(page, name="as-command"):
    """The command with this id, which is unfolded first."""
    page.locator(f"details:has(> .snippet > #{name}) > summary").click()
    return page.locator(f"#{name}").text_content()


def test_a_test_vault_and_its_first_key(dev, terminal):
    name = fresh()
    dev.goto(f"{PORTAL}/dev/vaults/new")
    assert shown(dev) == "portal vault create NAME --test --world america"
    dev.get_by_label("Name").fill(name)
    dev.get_by_label("Security world").select_option("europe")
    command = dev.locator("#as-command").text_content()
    assert command == f"portal vault create {name} --test --world europe"
    run(terminal, command)
    dev.goto(f"{PORTAL}/dev/vaults/{name}/new-key")
    shown(dev)
    dev.get_by_label("Name").fill("first")
    dev.get_by_label("Kind").select_option("EC-P-256")
    command = dev.locator("#as-command").text_content()
    assert command == f"portal key create first --vault {name} --type EC --curve P-256 --software"
    run(terminal, command)
    dev.goto(f"{PORTAL}/dev/vaults/{name}/keys/first?tab=use")
    assert "ES256" in run(terminal, command_of(dev, "try-command")).stdout


def test_a_secret_is_set_edited_and_shown_and_its_value_is_in_no_command(dev, terminal, bench):
    name = f"s{fresh()}"
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/new-secret")
    shown(dev)
    dev.get_by_label("Name").fill(name)
    dev.get_by_label("Content type").fill("text/plain; charset=utf-8")
    dev.get_by_label("Value").fill("never in a command")
    command = dev.locator("#as-command").text_content()
    place = f"{name} --vault {bench.vault}"
    assert command == f"portal secret create {place} --content-type 'text/plain; charset=utf-8'"
    expect(dev.get_by_text("or reads them from standard input")).to_be_visible()
    run(terminal, command, stdin="one\n")
    developers.open_edit(dev, bench.vault, name)
    dev.get_by_label("Value").fill("two")
    command = shown(dev)
    assert command.startswith(f"portal secret set {place} --base ")
    run(terminal, command, stdin="from the terminal\n")
    dev.get_by_role("button", name=f"Save {name}").click()
    expect(dev.locator("#compared")).to_contain_text("Someone else saved first")
    newer = dev.locator("#as-command").text_content()
    assert newer != command
    assert "Someone else has set" in run(terminal, command, stdin="late\n", code=1).stderr
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/secrets/{name}")
    command_of(dev, "reveal-command")
    dev.get_by_label("Reason").fill("it's a test")
    command = dev.locator("#reveal-command").text_content()
    assert command == f"portal secret show {place} --value --reason 'it'\"'\"'s a test'"
    assert run(terminal, command).stdout == "from the terminal"
    run(terminal, newer, stdin="at last\n")
    assert run(terminal, command).stdout == "at last"


def test_what_is_done_to_an_object_follows_its_state(dev, terminal, bench):
    name = f"k{fresh()}"
    developers.make_key(dev, bench.vault, name)
    url = f"{PORTAL}/dev/vaults/{bench.vault}/keys/{name}"
    dev.goto(url)
    lines = shown(dev).splitlines()
    assert [line.split()[2] for line in lines] == ["show", "disable", "rotate", "delete"]
    run(terminal, lines[1])
    dev.goto(url)
    expect(dev.get_by_role("button", name="Enable version")).to_have_count(1)
    enable = shown(dev).splitlines()[1]
    assert enable.split()[2] == "enable"
    for line in (enable, lines[2], lines[0], lines[3]):
        run(terminal, line)
    dev.goto(url)
    expect(dev.get_by_text("will be purged")).to_be_visible()
    recover = shown(dev)
    assert recover == f"portal key recover {name} --vault {bench.vault}"
    run(terminal, recover)
    dev.goto(url)
    expect(dev.get_by_role("button", name=f"Delete {name}")).to_be_visible()


def test_the_benchs_commands_run_one_after_the_other(dev, terminal, bench):
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/bench")
    for command in shown(dev).splitlines():
        run(terminal, command)


def test_an_application_its_role_and_its_credentials(dev, terminal, bench):
    name = f"it's {fresh()}"
    dev.goto(f"{PORTAL}/dev/applications/new")
    shown(dev)
    dev.get_by_label("Name", exact=True).fill(name)
    dev.get_by_label("Role assignment in your test vault (optional)").select_option(bench.vault)
    dev.get_by_label("Role", exact=True).select_option("key-vault-reader")
    run(terminal, dev.locator("#as-command").text_content())
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/access")
    command_of(dev)
    form = dev.locator("form", has=dev.get_by_role("button", name="Assign role"))
    form.get_by_label("Application").select_option(name)
    form.get_by_label("Role").select_option("key-vault-secrets-user")
    run(terminal, dev.locator("#as-command").text_content())
    dev.reload()
    taken = [line for line in command_of(dev, "take-command").splitlines() if name.split()[1] in line]
    assert len(taken) == 2
    for command in taken:
        run(terminal, command)
    dev.reload()
    expect(dev.get_by_role("cell", name=name)).to_have_count(0)


def test_a_second_credential_then_the_old_one_goes(dev, terminal, tmp_path):
    name = f"rolling {fresh()}"
    developers.make_application(dev, name)
    dev.locator(".crumbs a").click()
    dev.get_by_text("Add a certificate").click()
    command = command_of(dev, "certificate-command")
    assert run(terminal, command, stdin=certificate(tmp_path)).stderr.count("CN=pipeline") == 1
    dev.get_by_text("Trust another issuer").click()
    command_of(dev, "trust-command")
    form = dev.locator("form", has=dev.get_by_role("button", name="Trust issuer"))
    form.get_by_label("Issuer").fill("https://issuer.example/it's")
    form.get_by_label("Subject").fill("repo:acme/shop")
    run(terminal, dev.locator("#trust-command").text_content())
    lines = shown(dev).splitlines()
    assert len(lines) == 4, "one credential when the page was opened"
    run(terminal, lines[0])
    dev.reload()
    expect(dev.get_by_role("cell", name="CN=pipeline", exact=True)).to_be_visible()
    expect(dev.get_by_role("cell", name="https://issuer.example/it's", exact=True)).to_be_visible()
    expect(dev.get_by_role("button", name="Remove secret")).to_have_count(2)
    run(terminal, lines[2])
    dev.reload()
    expect(dev.get_by_role("button", name="Remove secret")).to_have_count(1)
    run(terminal, lines[3])
    dev.reload()
    expect(dev.get_by_text("suspended", exact=True)).to_be_visible()


def certificate(place):
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", place / "key.pem"]
    return subprocess.run([*openssl, "-subj", "/CN=pipeline"], capture_output=True, text=True, check=True).stdout


def test_refusals_usage_and_one_of_them_explained(dev, terminal, bench):
    application = {**bench.environment, "PORTAL_USERNAME": ""}
    told = terminal.run("secret", "list", "--vault", "demo-europe", code=1, **application).stderr
    request_id = told.split("portal explain ")[1].split()[0]
    wait_explainable(request_id)
    dev.goto(f"{PORTAL}/dev/explain")
    assert "SecretList" in run(terminal, shown(dev)).stdout
    dev.get_by_label("Request id").fill(request_id)
    dev.get_by_role("button", name="Explain request").click()
    assert "secrets/list" in run(terminal, shown(dev)).stdout
    dev.goto(f"{PORTAL}/dev/usage")
    assert "SecretList" in run(terminal, shown(dev)).stdout


def test_unfolded_commands_are_read_in_each_theme_and_fit_a_narrow_screen(dev, bench):
    for name, path in {
        "application": f"applications/{bench.environment['AZURE_CLIENT_ID']}",
        "access": f"vaults/{bench.vault}/access",
        "secret": f"vaults/{bench.vault}/secrets/password",
        "edit": f"vaults/{bench.vault}/secrets/password/edit",
        "bench": f"vaults/{bench.vault}/bench",
    }.items():
        dev.goto(f"{PORTAL}/dev/{path}")
        confirm(dev, developers.ME)
        dev.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        look_at(dev, f"dev-commands-{name}")


def test_a_name_that_looks_like_an_option_is_none(dev, terminal):
    made = fresh()
    name = f"--json {made}"
    developers.make_application(dev, made)
    dev.locator(".crumbs a").click()
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:  # as an older version let it be
        owner.execute("UPDATE identity_applicationidentity SET name = %s WHERE name = %s", [name, made])
    dev.reload()
    listed = shown(dev).splitlines()[1]
    assert listed == f"portal application credentials -- '{name}'"
    assert "secret" in run(terminal, listed).stdout
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:  # lists of other tests begin with it
        owner.execute("UPDATE identity_applicationidentity SET name = %s WHERE name = %s", [made, name])
