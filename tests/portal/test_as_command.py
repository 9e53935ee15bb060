"""Each form shows the command that does the same; what it shows is run as it stands."""

import shlex
import uuid

import pytest

from apps.interfaces.console import form_commands
from apps.interfaces.console.security_operations import cli_examples
from apps.interfaces.console.security_operations.forms import PolicyForm
from apps.interfaces.console.security_operations.log_destination_forms import DestinationForm, ReplayForm, RetentionForm
from apps.log_delivery.models import LogDestination
from tests.cli.conftest import Terminal, as_person, program
from tests.support.people import PORTAL
from tests.support.screenshots import picture

pytestmark = pytest.mark.stack


def test_a_number_is_said_as_a_number_also_when_it_is_one():
    for days in (1, 30):
        form = RetentionForm(initial={"days": days})
        assert form_commands.line(cli_examples.keep("payroll"), form) == f"portal log keep payroll --days {days}"
    first = ReplayForm(initial={"first": 0, "last": 1})
    assert form_commands.line(cli_examples.replay("payroll"), first) == "portal log replay payroll --first 0 --last 1"


def test_a_policy_of_nothing_is_said_as_never():
    words = cli_examples.policy("payroll", "signing")
    never = "portal key policy signing --vault payroll --rotate-after 0 --expires-after 0"
    assert form_commands.line(words, PolicyForm()) == never
    assert "--rotate-after 30 --expires-after 0" in form_commands.line(words, PolicyForm(initial={"rotate_after": 30}))


_SET = {"kind": "s3", "config": {"endpoint": "https://s3.example", "bucket": "logs", "prefix": "a"}}


def command_of(kind, before=None, data=None):
    form = DestinationForm(data, kind=kind, before=before)
    return form_commands.line(cli_examples.destination("payroll", kind, before), form).removeprefix(
        "portal log set payroll "
    )


def test_the_command_of_a_destination_has_what_the_form_has_and_ends_what_it_ends():
    before = LogDestination(**_SET, public_key="a PEM", on_full="fail-closed", credential_names=["access_key_id"])
    same = "--kind s3 --setting endpoint=https://s3.example --setting bucket=logs --setting prefix=a"
    assert command_of("s3", before) == f"{same} --public-key FILE --on-full fail-closed"
    given = {**before.config, "prefix": "", "public_key": "", "on_full": "fail-closed", "secret_access_key": "hidden"}
    emptied = command_of("s3", before, given)
    assert "--setting prefix= --credential secret_access_key --no-public-key --on-full fail-closed" in emptied
    assert "hidden" not in emptied
    assert "--no-public-key" in command_of("syslog", before), "which takes none"
    assert "public-key" not in command_of("s3")


def test_the_command_of_a_blob_names_the_one_credential_that_it_needs():
    assert "--credential account_key" in command_of("azure-blob")
    token = command_of("azure-blob", data={"sas_token": "hidden"})
    assert ("--credential sas_token" in token, "account_key" in token, "hidden" in token) == (True, False, False)
    stored = LogDestination(kind="azure-blob", config={}, credential_names=["sas_token"])
    assert "--credential" not in command_of("azure-blob", stored)
    assert "--credential account_key" in command_of("azure-blob", stored, {"account_key": "hidden"})


@pytest.fixture
def terminal(stack, tmp_path):
    return as_person(Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca), "SECOPS")


def shown(page):
    page.locator("details:has(> .snippet > #as-command) > summary").click()
    assert page.locator("[data-copy='#as-command']").is_visible()
    return page.locator("#as-command").text_content()


def run(terminal, command, **more):
    words = shlex.split(command)
    assert words[0] == "portal"
    return terminal.run(*words[1:], **more)


def test_the_forms_follow_what_is_typed_and_their_commands_run(page, terminal):
    name = f"c{uuid.uuid4().hex[:10]}"
    page.goto(f"{PORTAL}/secops/vaults/new")
    assert shown(page) == "portal vault create NAME --world america --days 90"
    page.get_by_label("Name").fill(name)
    page.get_by_label("Purge protection").check()
    page.get_by_label("Retention of deleted items").fill("7")
    command = page.locator("#as-command").text_content()
    assert command == f"portal vault create {name} --world america --days 7 --purge-protection"
    run(terminal, command)
    page.goto(f"{PORTAL}/secops/vaults/{name}/new-key")
    shown(page)
    page.get_by_label("Name").fill("first")
    page.get_by_label("Kind").select_option("EC-P-256")
    page.get_by_role("radio", name="Software").check()
    picture(page, "as-command")
    command = page.locator("#as-command").text_content()
    assert command == f"portal key create first --vault {name} --type EC --curve P-256 --software"
    run(terminal, command)
    page.goto(f"{PORTAL}/secops/applications/new")
    shown(page)
    page.get_by_label("Name", exact=True).fill(f"it's {name}")
    assert "--role" not in page.locator("#as-command").text_content()
    page.get_by_label("Role assignment").select_option(name)
    run(terminal, page.locator("#as-command").text_content())
    assert [row["application"] for row in terminal.json("access", "list", "--vault", name)] == [f"it's {name}"]
    page.goto(f"{PORTAL}/secops/vaults/{name}/keys/first")
    for command in shown(page).splitlines():
        run(terminal, command)
    assert terminal.json("key", "show", "first", "--vault", name)["versions"]


def test_a_form_that_comes_back_shows_what_was_given_and_hostile_text_stays_text(page):
    page.goto(f"{PORTAL}/secops/applications/new")
    page.get_by_label("Name", exact=True).fill("a:b'; <b>$(id)</b>")
    page.get_by_role("button", name="Create application identity").click()
    assert page.locator("#as-command b").count() == 0
    words = shlex.split(shown(page))
    assert words[:4] == ["portal", "application", "create", "a:b'; <b>$(id)</b>"]
