"""Auditors in a browser: on a host of their own, where they sign in with a second factor like everybody."""

import os

from tests.support import people
from tests.support.waiting import wait_until

AUDIT = os.environ.get("PORTAL_AUDIT_URL", "")


def sign_in(page, role="AUDITOR"):
    """Sign in on the auditors' host; the first time, the second factor is set up there."""
    username, password = os.environ[f"PORTAL_USER_{role}"], os.environ[f"PORTAL_PASSWORD_{role}"]
    people.give_password(page, username, password, AUDIT)
    if username in people._secrets:
        people.give_code(page, people.proof_of(username))
    else:
        people.set_up_factor(page, username, AUDIT)
    page.goto(AUDIT)


def reload_until(page, path, locator, *, there=True, seconds=90):
    """Load a page again and again until it has something, or has it no more."""

    def loaded():
        page.goto(f"{AUDIT}/{path}")
        return bool(locator.count()) is there

    wait_until(loaded, f"{path}: {locator}", seconds=seconds, pause=0.5)
