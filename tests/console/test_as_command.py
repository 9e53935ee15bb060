"""The command of a form follows what is typed; no secret value is sent for it."""

import shlex
import uuid

import pytest
from playwright.sync_api import expect

from tests.cli.conftest import Terminal, as_person, program
from tests.support import developers
from tests.support.developers import fresh
from tests.support.people import PORTAL
from tests.support.screenshots import look_at, picture

pytestmark = pytest.mark.stack


@pytest.fixture
def terminal(stack, tmp_path):
    return as_person(Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca), "SECOPS")


def shown(page, name="as-command"):
    page.locator(f"details:has(> .snippet > #{name}) > summary").click()
    assert page.locator(f"[data-copy='#{name}']").is_visible()
    return page.locator(f"#{name}").text_content()


def run(terminal, command, **more):
    words = shlex.split(command)
    assert words[0] == "portal"
    return terminal.run(*words[1:], **more)


def follows(page, command, name="as-command"):
    """The command becomes this one."""
    expect(page.locator(f"#{name}")).to_have_text(command)
    return command


def asked(page, act):
    """What the act sends to have the command rendered."""
    with page.expect_request(lambda request: "/as-command/" in request.url) as found:
        act()
    return found.value


def test_the_forms_follow_what_is_typed_and_their_commands_run(page, terminal):
    name = f"c{uuid.uuid4().hex[:10]}"
    page.goto(f"{PORTAL}/secops/vaults/new")
    assert shown(page) == "portal vault create NAME --world america --days 90"
    page.get_by_label("Name").fill(name)
    page.get_by_label("Purge protection").check()
    page.get_by_label("Retention of deleted items").fill("7")
    run(terminal, follows(page, f"portal vault create {name} --world america --days 7 --purge-protection"))
    page.goto(f"{PORTAL}/secops/vaults/{name}/new-key")
    shown(page)
    page.get_by_label("Name").fill("first")
    page.get_by_label("Kind").select_option("EC-P-256")
    page.get_by_role("radio", name="Software").check()
    picture(page, "as-command")
    run(terminal, follows(page, f"portal key create first --vault {name} --type EC --curve P-256 --software"))
    page.goto(f"{PORTAL}/secops/access/simulate")
    shown(page)
    page.get_by_label("Application or person").fill("a:b'; <b>$(id)</b>")
    expect(page.locator("#as-command")).to_contain_text("<b>$(id)</b>")
    assert page.locator("#as-command b").count() == 0
    words = shlex.split(page.locator("#as-command").text_content())
    assert words[:4] == ["portal", "access", "simulate", "a:b'; <b>$(id)</b>"]


def test_a_form_that_comes_back_shows_what_was_given(page):
    page.goto(f"{PORTAL}/secops/applications/new")
    page.get_by_label("Name", exact=True).fill("a:b'; <b>$(id)</b>")
    page.get_by_role("button", name="Create application identity").click()
    assert page.locator("#as-command b").count() == 0
    assert shlex.split(shown(page))[:4] == ["portal", "application", "create", "a:b'; <b>$(id)</b>"]


def test_credentials_and_keys_are_not_sent(page):
    page.goto(f"{PORTAL}/secops/vaults/demo-europe/log-destination?kind=s3")
    shown(page)
    page.get_by_label("Secret access key").fill("never-sent")
    request = asked(page, lambda: page.get_by_label("Bucket").fill("logs"))
    assert "never-sent" not in request.post_data
    expect(page.locator("#as-command")).to_contain_text("--setting bucket=logs")
    assert "--credential secret_access_key" in page.locator("#as-command").text_content()
    page.goto(f"{PORTAL}/secops/vaults/demo-europe/import-key")
    page.get_by_label("Or the key as text").fill("never-sent")
    assert "never-sent" not in asked(page, lambda: page.get_by_label("Name").fill("k")).post_data


def test_a_secret_is_set_edited_and_shown_and_its_value_is_in_no_command(dev, stack, bench, tmp_path):
    terminal = as_person(Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca), "DEVELOPER")
    del terminal.environment["PORTAL_VAULT"]
    name = f"s{fresh()}"
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/new-secret")
    shown(dev)
    dev.get_by_label("Value").fill("never-sent")
    request = asked(dev, lambda: dev.get_by_label("Name").fill(name))
    assert "never-sent" not in request.post_data
    place = f"{name} --vault {bench.vault}"
    run(terminal, follows(dev, f"portal secret create {place}"), stdin="one\n")
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
    shown(dev, "reveal-command")
    dev.get_by_label("Reason").fill("it's a test")
    command = follows(dev, f"portal secret show {place} --value --reason 'it'\"'\"'s a test'", name="reveal-command")
    assert run(terminal, command).stdout == "from the terminal"
    run(terminal, newer, stdin="at last\n")
    assert run(terminal, command).stdout == "at last"


def test_the_commands_of_an_object_follow_its_state(dev, stack, bench, tmp_path):
    terminal = as_person(Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca), "DEVELOPER")
    name = f"k{fresh()}"
    developers.make_key(dev, bench.vault, name)
    url = f"{PORTAL}/dev/vaults/{bench.vault}/keys/{name}"
    for acts, first in (
        (["show", "disable", "rotate", "delete"], "disable"),
        (["show", "enable", "rotate", "delete"], "delete"),
        (["recover"], "recover"),
    ):
        dev.goto(url)
        lines = {line.split()[2]: line for line in shown(dev).splitlines()}
        assert list(lines) == acts
        run(terminal, lines[first])


def test_unfolded_commands_are_read_in_each_theme_and_fit_a_narrow_screen(dev, bench):
    for name, path in {"access": "access", "secret": "secrets/password"}.items():
        dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/{path}")
        dev.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
        look_at(dev, f"dev-commands-{name}")


def test_commands_are_rendered_for_people_who_have_signed_in_alone(page, stack):
    url = f"{PORTAL}/as-command/GroupForm"
    page.goto(f"{PORTAL}/secops/access/groups")
    token = page.locator("main form [name=csrfmiddlewaretoken]").first.input_value()
    headers = {"X-CSRFToken": token, "Referer": f"{PORTAL}/"}
    sent = page.request.post(url, form={"name": "a <b>"}, headers=headers)
    assert (sent.status, sent.text()) == (200, "portal group create &#x27;a &lt;b&gt;&#x27;")
    assert page.request.post(url, form={"name": "a"}, headers={"Referer": f"{PORTAL}/"}).status == 403
    assert page.request.post(f"{PORTAL}/as-command/NoForm", form={}, headers=headers).status == 404
    page.context.clear_cookies(name="__Host-session")
    unknown = page.request.post(url, form={"name": "a"}, headers={**headers, "HX-Request": "true"})
    assert (unknown.status, unknown.headers["hx-refresh"]) == (401, "true")
