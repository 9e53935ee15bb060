"""An HSM goes away while somebody looks: the pages say so, and what still works still works."""

import re

import pytest
from playwright.sync_api import expect

from tests.faults.conftest import System
from tests.support.people import PORTAL
from tests.support.screenshots import accessible, picture
from tests.support.waiting import wait_until


@pytest.fixture
def gone(stack):
    """europe's token, moved away; back afterwards, and the system healthy again."""
    system = System(stack)
    system.wait_healthy()
    directory = system.token_directory("europe")
    aside = directory.with_name("europe.moved-away")
    directory.rename(aside)
    yield
    aside.rename(directory)
    system.wait_healthy()


def test_the_pages_say_what_still_works(page, gone):
    page.goto(f"{PORTAL}/secops/")
    card = page.locator("#state .card-panel").first
    expect(card).to_contain_text("1 of 2 security worlds", timeout=15_000)  # the card asks by itself every ten seconds
    expect(page.locator("#state")).to_contain_text("europe does not respond")
    page.reload()
    assert "Needs attention: HSM" in page.locator(".page-head").text_content()
    card.get_by_role("link", name=re.compile("What still works")).click()
    expect(page.get_by_role("heading", name="europe is offline: what still works")).to_be_visible()
    assert page.get_by_role("cell", name="vp-america").count() == 2
    assert page.get_by_role("cell", name="vp-europe").count() == 0
    accessible(page)
    picture(page, "hsm-away")
    for path in ("vaults/demo-europe", "recycle-bin", "access", "search?q=demo"):
        assert page.goto(f"{PORTAL}/secops/{path}").status == 200


def test_it_is_told_when_the_hsm_is_back(page):
    def is_back():  # with both of its workers: each finds the token by itself
        page.goto(f"{PORTAL}/secops/hsm")
        workers = page.get_by_role("cell", name="vp-europe").count()
        return workers == 2 and not page.get_by_text("is offline").count()

    wait_until(is_back, "the page of an HSM that is back, with both of its workers", seconds=30, pause=0.5)
