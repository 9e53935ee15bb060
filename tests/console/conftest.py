"""Browsers: Debian's Chromium without a window, one signed-in context a session for security operations."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support import activity_data, audit_portal, developers, documentation, people, programs, screenshots


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Browsers come last: Playwright keeps an event loop in the main thread, where asyncio's tests want theirs."""
    for item in items:
        if "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.stack)
    items.sort(key=lambda item: item.path.is_relative_to(Path(__file__).parent))


# htmx reports these two when a page is left during a request. A request that fails also has `htmx:sendError`.
ABORTED = ("htmx:afterRequest", "htmx:sendAbort")
CHROMIUM = "/usr/bin/chromium-headless-shell"  # a third of the processor time of `chromium --headless`


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        expect.set_options(timeout=15_000)  # a slow machine is no fault of a page
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def complaints():
    """What browsers complained of during the whole run: refused content, failed scripts."""
    found = []
    yield found
    assert not found, found


@pytest.fixture(scope="session")
def new_context(chromium, complaints):
    @contextlib.contextmanager
    def make(**options):
        context = chromium.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 860}, **options)

        def collect(message):
            if message.type == "error" and "status of 4" not in message.text and not message.text.startswith(ABORTED):
                complaints.append(f"{message.page.url}: {message.text}")

        context.on("console", collect)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        try:
            yield context
        finally:
            context.close()

    return make


@pytest.fixture(scope="session")
def secops_state(new_context, tmp_path_factory):
    """Cookies of a signed-in person of security operations, with the second factor set up."""
    with new_context() as context:
        people.sign_in(context.new_page())
        return context.storage_state()


@pytest.fixture(scope="session")
def developer_state(new_context):
    """Cookies of a signed-in developer."""
    with new_context() as context:
        people.sign_in(context.new_page(), "DEVELOPER")
        return context.storage_state()


@pytest.fixture(scope="module")
def nobody(new_context):
    """A browser in which nobody is signed in; only requests are made with it."""
    with new_context() as context:
        yield context


@pytest.fixture(scope="module")
def security_operations(new_context, secops_state):
    """Their browser, for requests."""
    with new_context(storage_state=secops_state) as context:
        yield context


@pytest.fixture(scope="session")
def context_of(new_context):
    """The browser context of a person with these cookies: one for all tests, because a new one costs a second."""
    made = {}
    with contextlib.ExitStack() as contexts:

        def context(state):
            if id(state) not in made:
                made[id(state)] = contexts.enter_context(new_context())
            made[id(state)].clear_cookies()
            made[id(state)].add_cookies(state["cookies"])
            return made[id(state)]

        yield context


def page_of(state):
    """A fixture: a page of the person whose cookies a fixture of this name has."""

    @pytest.fixture
    def new_page(context_of, request):
        context = context_of(request.getfixturevalue(state))
        people.let_proof_be_fresh(context)
        yield context.new_page()
        for page in context.pages:
            page.close()

    return new_page


page, colleague = page_of("secops_state"), page_of("colleague_state")  # of security operations
dev, auditor = page_of("developer_state"), page_of("auditor_state")


@dataclass(frozen=True)
class Bench:
    """A developer's test vault with the key `signing`, the secret `password`, and an application with every role."""

    vault: str
    application: str
    environment: dict


@pytest.fixture(scope="session")
def bench(new_context, developer_state):
    with new_context(storage_state=developer_state) as context:
        page, vault = context.new_page(), developers.fresh()
        developers.make_test_vault(page, vault)
        environment = developers.make_application(page, f"app-{vault}", vault)
        developers.make_key(page, vault, "signing")
        developers.set_secret(page, vault, "password", "correct horse\nbattery staple")
        return Bench(vault, f"app-{vault}", environment)


@pytest.fixture
def secops_limits(management):
    def set_limits(vault, limits):
        assert management.ask("PATCH", f"vaults/{vault}", {"limits": limits}).status == 200

    return set_limits


@pytest.fixture(scope="session")
def auditor_state(new_context):
    """Cookies of a signed-in auditor, on the auditors' host."""
    with new_context() as context:
        audit_portal.sign_in(context.new_page())
        return context.storage_state()


@pytest.fixture(scope="session")
def colleague_state(new_context, stack):
    """A second person of security operations, invited on the machine: one whom the first had invited would not count
    as another person.
    """
    code, link, errors = programs.manage("invite", "--duty", "security-operations")
    assert code == 0, errors
    with new_context() as context:
        page = context.new_page()
        people.accept(page, link.strip(), name="colleague")
        page.get_by_text("Set it up to continue").wait_for()
        people.set_up_factor(page, "colleague")
        return context.storage_state()


@pytest.fixture(scope="session")
def lived_in(stack):
    """Something on the pages of `activity_data.VAULT`."""
    activity_data.move_in(stack)


@pytest.fixture(scope="session")
def clean():
    """Look at a page on the way of a task, in each theme and on a narrow screen: a task is done once, for a theme
    changes colours alone, and what the keyboard reaches it reaches in all."""

    def look(page, name):
        page.wait_for_load_state()
        screenshots.look_at(page, f"task-{name}")

    return look


@pytest.fixture
def keep(tmp_path):
    """Take a picture: into the documents when asked, else only to see that it can be taken and is small enough."""

    def take(page, name, high=640):
        page.mouse.move(0, 0)
        path = (documentation.PICTURES if documentation.taking else tmp_path) / f"{name}.png"
        page.screenshot(path=path, clip={"x": 0, "y": 0, "width": 1280, "height": high})
        assert (documentation.PICTURES / f"{name}.png").exists(), f"take it: DOCS_PICTURES=1 ({name})"
        # A whole run leaves more on the pages.
        documentation.assert_plausible(path, largest=documentation.LARGEST * (1 if documentation.taking else 4))

    documentation.PICTURES.mkdir(exist_ok=True)
    return take
