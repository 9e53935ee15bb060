"""What a stranger reads in the first minutes: what a role is for, and the two words of ours, in plain ones."""

import os

import pytest
from playwright.sync_api import expect

from apps.domain.access.roles import ASSIGNABLE, ROLES
from apps.interfaces.console import labels
from tests.support.people import PORTAL, confirm
from tests.support.screenshots import accessible, look_at

FORMS = {"access": "Assign role", "applications/new": "Create application identity"}


@pytest.mark.parametrize("path", FORMS)
def test_the_sentence_beside_the_choice_is_that_of_the_role_that_is_chosen(page, path):
    page.goto(f"{PORTAL}/secops/{path}")
    usual = ROLES["key-vault-crypto-user"]
    choice = page.get_by_label("Role", exact=True)
    assert choice.input_value() == usual.codename, "the smallest that most applications need"
    result = page.locator("[data-explains] > span:visible")
    expect(result).to_have_text(usual.explanation)
    for role in ASSIGNABLE:
        choice.select_option(role.codename)
        expect(result).to_have_text(role.explanation)
    page.get_by_text("Role permissions").click()
    for role in ASSIGNABLE:
        expect(page.locator(".roles dd", has_text=role.explanation)).to_be_visible()
    accessible(page)


@pytest.mark.parametrize("path", FORMS)
def test_without_javascript_all_roles_are_explained_and_none_wrongly(new_context, secops_state, path):
    with new_context(storage_state=secops_state, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{PORTAL}/secops/{path}")
        for role in ASSIGNABLE:
            expect(page.locator(".roles dd", has_text=role.explanation)).to_be_visible()
        assert page.locator("[data-explains]").is_hidden(), "it could not follow the choice"


def test_a_developer_reads_the_same_sentences(dev, bench):
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/access")
    dev.get_by_label("Role", exact=True).select_option("key-vault-reader")
    expect(dev.locator("[data-explains] > span:visible")).to_have_text(ROLES["key-vault-reader"].explanation)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("vaults", "A vault's keys never leave its security world, the HSMs of one geography."),
        ("vaults/new", "The HSMs of one geography that hold this vault's keys"),
        ("hsm", "A security world is the HSMs of one geography"),
        ("vaults/demo-europe/roll", "Creates a new version of"),
        ("vaults/demo-europe/keys/pictured", "Rotating a key creates a new version"),
        ("vaults/demo-europe/keys/pictured?tab=rotation", "Rotating creates a new version"),
        ("rollovers", "Bulk rotations and rollovers of all vaults"),
        ("", "Scheduled: rotations, expiries, purges"),
    ],
)
def test_world_and_roll_are_said_in_plain_words(page, lived_in, path, words):
    page.goto(f"{PORTAL}/secops/{path}")
    expect(page.get_by_text(words).first).to_be_visible()


def test_the_overview_names_the_geographies_of_its_worlds(page, lived_in):
    page.goto(f"{PORTAL}/secops/")
    expect(page.locator("#state .card-panel").first).to_contain_text("North America, Europe")


def test_an_organisation_that_has_used_a_key_is_shown_no_first_steps(page, lived_in):
    page.goto(f"{PORTAL}/secops/")
    assert page.locator("#state").is_visible()
    assert page.locator("#first-steps").count() == 0


@pytest.mark.parametrize(
    ("user_agent", "shown"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "Chrome, Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/142.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18 Safari/604",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, macOS"),
        ("<b>curl/8</b>", "<b>curl/8</b>"),
        ("", "\N{EN DASH}"),
    ],
)
def test_a_session_is_listed_by_what_people_call_their_browser(user_agent, shown):
    assert labels.browser(user_agent) == shown


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("2fa/", "Two-factor authentication"),
        ("2fa/recovery-codes/", "Recovery codes"),
        ("sessions/", "Sessions"),
        ("logout/", "Sign out"),
        ("password/change/", "Change your password"),
        ("reauthenticate/?next=/secops/", "Confirm your identity"),
    ],
)
def test_the_account_pages_speak_as_the_others_do(page, path, heading):
    page.goto(f"{PORTAL}/account/{path}")
    if "reauthenticate" in page.url and "reauthenticate" not in path:
        confirm(page, os.environ["PORTAL_USER_SECOPS"])
        page.goto(f"{PORTAL}/account/{path}")
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    text = page.locator("main").inner_text()
    assert not [word for word in ("Please", "Two-Factor", "Are you sure", "reauthenticate", "Mozilla") if word in text]
    look_at(page, f"account-{heading.lower().replace(' ', '-')}")
