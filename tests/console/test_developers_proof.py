"""What opens a secret asks for a recent proof, and keeps nothing of it while it does."""

import pytest
from playwright.sync_api import expect

from tests.support import developers
from tests.support.developers import ME, fresh
from tests.support.people import confirm, let_proof_grow_old, session_of

THEIRS, TYPED = "host=a\npassword=hidden", "host=a\npassword=guessed"


@pytest.fixture
def editing(dev, bench):
    """(page, name): the form that edits a secret, opened an hour after the last proof and left open."""
    name = fresh()
    developers.set_secret(dev, bench.vault, name, THEIRS)
    developers.open_edit(dev, bench.vault, name)
    let_proof_grow_old(dev.context)
    yield dev, name
    dev.goto(dev.url)
    confirm(dev, ME)


def send(page, **fields):
    """The form as somebody with this session sends it, by hand."""
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    form = {"csrfmiddlewaretoken": token, "value": TYPED, "base": "0" * 32, **fields}
    return page.context.request.post(page.url, form=form, headers={"Referer": page.url}, max_redirects=0)


@pytest.mark.parametrize("act", ["compare", "save"])
def test_an_old_session_compares_nothing_and_leaves_nothing_in_the_session(editing, act):
    page, _ = editing
    answer = send(page, act=act)
    assert answer.status == 302
    assert answer.headers["location"].endswith("/edit")
    assert "guessed" not in str(session_of(page.context))
    assert "Line" not in page.context.request.get(answer.url).text()


def test_an_old_session_is_asked_before_the_form(editing):
    page, name = editing
    page.goto(page.url)
    assert "reauthenticate" in page.url
    confirm(page, ME)
    page.wait_for_url(f"**/secrets/{name}/edit")


def test_what_was_typed_stays_in_the_browser_meanwhile(editing):
    page, name = editing
    page.get_by_label("Value").fill(TYPED)
    page.get_by_role("button", name="Compare with current").click()
    expect(page.locator("#compared")).to_contain_text("Nothing has been done yet")
    assert page.get_by_label("Value").input_value() == TYPED
    assert "guessed" not in str(session_of(page.context))
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Confirm in a new tab").click()
    confirm(opened.value, ME)
    opened.value.wait_for_url(f"**/secrets/{name}/edit")
    page.get_by_role("button", name="Compare with current").click()
    expect(page.locator("#compared")).to_contain_text("Changes")
    assert "hidden" not in page.locator("#compared").inner_html()
