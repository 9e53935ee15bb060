"""Every page of security operations: in every theme and on a narrow screen it shows, reads aloud and breaks no policy."""

import os
import re

import pytest
from django.urls import get_resolver

from tests.support.people import PORTAL, confirm
from tests.support.screenshots import THEMES, accessible, look_at, picture

PAGES = {
    "overview": "",
    "vaults": "vaults",
    "vault_new": "vaults/new",
    "vault": "vaults/demo-europe",
    "vault_empty": "vaults/demo-europe?tab=certificates",
    "vault_usage": "vaults/demo-europe?tab=usage",
    "vault_settings": "vaults/demo-europe/settings",
    "vault_delete": "vaults/demo-europe/delete",
    "deleted_vaults": "deleted-vaults",
    "log_destination": "vaults/demo-europe/log-destination",
    "log_destination_syslog": "vaults/demo-europe/log-destination?kind=syslog",
    "webhooks": "vaults/demo-europe/webhooks",
    "webhook": "vaults/demo-europe/webhooks/pictured",
    "key_new": "vaults/demo-europe/new-key",
    "key_import": "vaults/demo-europe/import-key",
    "object": "vaults/demo-europe/keys/pictured",
    "object_use": "vaults/demo-europe/keys/pictured?tab=use",
    "object_access": "vaults/demo-europe/keys/pictured?tab=access",
    "object_usage": "vaults/demo-europe/keys/pictured?tab=usage",
    "object_rotation": "vaults/demo-europe/keys/pictured?tab=rotation",
    "object_history": "vaults/demo-europe/keys/pictured?tab=history",
    "object_consumers": "vaults/demo-europe/keys/pictured?tab=consumers",
    "rollover_new": "vaults/demo-europe/roll",
    "rollover_staged": "vaults/demo-europe/rollover?key=pictured",
    "rollovers": "rollovers",
    "approvals": "approvals",
    "applications": "applications",
    "application_new": "applications/new",
    "access": "access",
    "groups": "access/groups",
    "group": "access/groups/pictured",
    "simulate": "access/simulate?principal=demo-application&permission=keys/sign&vault=demo-europe",
    "people": "access/people",
    "hsm": "hsm",
    "calendar": "calendar",
    "recycle_bin": "recycle-bin",
    "search": "search?q=demo",
}


@pytest.fixture(scope="module", autouse=True)
def a_group(lived_in, new_context, secops_state, management):
    """Something to look at: a group and a webhook with a delivery to come."""
    webhook = {"name": "pictured", "url": "https://10.0.0.1/events"}  # never connected to
    assert management.ask("POST", "vaults/demo-europe/webhooks", webhook).status in (201, 409)
    assert management.ask("POST", "vaults/demo-europe/webhooks/pictured/test").status == 202
    with new_context(storage_state=secops_state) as context:
        page = context.new_page()
        page.goto(f"{PORTAL}/secops/access/groups")
        page.get_by_label("Name").fill("pictured")
        page.get_by_role("button", name="Create group").click()
        page.wait_for_url("**/groups/pictured")


def test_the_list_of_pages_is_whole():
    names = {
        p.name
        for p in get_resolver("apps.interfaces.console.security_operations.urls").url_patterns
        if "get" in methods(p)
    }
    assert names - {"application", "rollover"} <= {
        re.sub(r"_(empty|usage|use|access|consumers|rotation|history|syslog)$", "", name) for name in PAGES
    }


def methods(pattern):
    return pattern.callback.view_class.permissions


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_in_each_theme_and_fits_a_narrow_screen(page, name):
    answer = page.goto(f"{PORTAL}/secops/{PAGES[name]}")
    if "reauthenticate" in page.url:  # this page asks before its form
        confirm(page, os.environ["PORTAL_USER_SECOPS"])
        answer = page.goto(f"{PORTAL}/secops/{PAGES[name]}")
    assert answer.status == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    look_at(page, name)


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_that_was_chosen_is_the_pages(page, theme):
    page.context.add_cookies([{"name": "theme", "value": theme, "url": PORTAL}])
    page.goto(f"{PORTAL}/secops/vaults")
    assert page.locator("html").get_attribute("data-theme") == theme


def test_on_a_narrow_screen_the_navigation_is_a_sheet(page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{PORTAL}/secops/")
    page.get_by_role("button", name="Menu").click()
    picture(page, "menu-390")
    accessible(page)
    page.get_by_role("navigation", name="Menu").get_by_role("link", name="Vaults").click()
    page.wait_for_url("**/vaults")


@pytest.mark.parametrize("path", ["", "account/login/", "invitation/nothing", "account/password/reset/"])
def test_the_way_in_is_accessible(new_context, path):
    with new_context() as context:
        page = context.new_page()
        page.goto(f"{PORTAL}/{path}")
        picture(page, f"entrance-{path.strip('/').replace('/', '-') or 'front'}")
        accessible(page)


def test_pages_read_without_javascript(new_context, secops_state):
    with new_context(storage_state=secops_state, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{PORTAL}/secops/vaults/demo-europe?q=pictured")
        assert page.get_by_role("link", name="pictured", exact=True).is_visible()
