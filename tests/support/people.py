"""People in a browser: signing in with a real second factor (TOTP, RFC 6238)."""

import base64
import hashlib
import hmac
import os
import struct
import time
import uuid
from pathlib import Path

import psycopg
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing

from apps.domain.identity.rules import session_key_of
from tests.support import programs
from tests.support.waiting import wait_until

PORTAL = f"https://portal.vault.localhost:{os.environ['PUBLIC_PORT']}"
_secrets = {}  # username -> TOTP secret, for the run
_recovery = {}  # username -> recovery codes
_left = {}  # username -> recovery codes that were not used
_used = {}  # username -> the steps whose codes were used: each works once


def totp(secret, step):
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def code_of(username):
    """A code that was not used before; waits for the next one when need be."""
    used = _used.setdefault(username, set())

    def unused():
        now, seconds = divmod(time.time(), 30)
        # Somebody's clock may be half a minute wrong. A code of the step before is taken until this one ends.
        steps = {int(now), int(now) + 1} | ({int(now) - 1} if seconds < 15 else set())
        return min(steps - used, default=None)

    step = wait_until(unused, "a code that was not used")
    used.add(step)
    return totp(_secrets[username], step)


def proof_of(username):
    """A recovery code: unlike those of a device it needs no waiting for the next half minute."""
    if not _left[username]:  # all are as new: people would make others
        with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
            owner.execute(
                "UPDATE mfa_authenticator a SET data = jsonb_set(a.data, '{used_mask}', '0') FROM identity_user u "
                "WHERE u.id = a.user_id AND u.username = %s AND a.type = 'recovery_codes'",
                [username],
            )
        _left[username] = list(_recovery[username])
    return _left[username].pop()


def sign_in(page, role="SECOPS"):
    """Sign in at the portal as one of the demo's people but the auditor, setting up the second factor the first time."""
    sign_in_as(page, os.environ[f"PORTAL_USER_{role}"], os.environ[f"PORTAL_PASSWORD_{role}"])


def sign_in_as(page, username, password):
    give_password(page, username, password)
    if username in _secrets:
        give_code(page, proof_of(username))
    else:
        set_up_factor(page, username)
    page.wait_for_load_state()
    page.goto(PORTAL)


def give_password(page, username, password, portal=PORTAL):
    page.goto(f"{portal}/account/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_load_state()


def give_code(page, code):
    """Give a code of the second factor to the page that asks for one."""
    page.locator("input[name=code]").fill(code)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_load_state()


def invite_auditor(page, context, name, portal):
    """An auditor of their own for a test, whom the machine's command invites, on the auditors' host `portal`."""
    code, link, errors = programs.server("web", "AUDITOR").manage("invite", "--duty", "auditor")
    assert code == 0, errors
    theirs = context.new_page()
    accept(theirs, link.strip(), name=name)
    theirs.get_by_text("Set it up to continue").wait_for()
    set_up_factor(theirs, name, portal)
    return theirs


def set_up_factor(page, username, portal=PORTAL):
    page.goto(f"{portal}/account/2fa/totp/activate/")
    secret = page.locator("#authenticator_secret").input_value()
    _secrets[username] = secret
    page.locator("input[name=code]").fill(code_of(username))
    page.get_by_role("button", name="Verify and turn on").click()
    page.wait_for_url("**/recovery-codes/**")
    _recovery[username] = page.locator("#recovery_codes").input_value().split()
    _left[username] = list(_recovery[username])


PASSWORD = "a-long-enough-passphrase"


def invitation(page, name="", duty="developer"):
    """The link of an invitation that security operations, whose page it is, creates."""
    page.goto(f"{PORTAL}/secops/access/people")
    page.get_by_label("Username (can be changed when accepting)").fill(name)
    page.get_by_role("radio", name=duty).check()
    page.get_by_role("button", name="Create invitation").click()
    confirm(page, os.environ["PORTAL_USER_SECOPS"])
    return page.locator("#link").text_content()


def accept(page, link, password=PASSWORD, *, name=""):
    """Follow the link of an invitation; `name` where it leaves the choice."""
    page.goto(link)
    if name:
        page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Confirm password").fill(password)
    page.get_by_role("button", name="Accept the invitation").click()


def invite(page, context, name, password=PASSWORD, duty="developer"):
    """A person of their own for a test that locks somebody out or changes who they are; their page, signed in."""
    theirs = context.new_page()
    accept(theirs, invitation(page, name, duty), password)
    theirs.get_by_text("Set it up to continue").wait_for()
    set_up_factor(theirs, name)
    return theirs


def confirm(page, username):
    """Confirm your identity who one is, when the page that follows an act asks for it."""
    page.wait_for_load_state()
    if "reauthenticate" in page.url:
        give_code(page, proof_of(username))


def add_of_old(username):
    """An auditor whose name nobody could choose today."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        owner.execute(
            "INSERT INTO identity_user (id, username, email, password, kind, duty, is_active, is_staff, is_superuser, "
            "created) VALUES (%s, %s, '', '!', 'person', 'auditor', true, false, false, now())",
            [uuid.uuid4(), username],
        )


def session_of(context):
    """What the session of a browser holds, as the web reads it from its row."""
    table, key = _session_row(context)
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        (data,) = owner.execute(f"SELECT session_data FROM {table} WHERE session_key = %s", [key]).fetchone()
    return signing.loads(data, key=_secret(), salt=_SALT, serializer=JSONSerializer)


def let_proof_grow_old(context):
    """As if the person of this session had last proven their identity an hour ago."""
    _set_proof(context, time.time() - 3600)


def let_proof_be_fresh(context):
    """As if the person of this session had just proven their identity, because a test run outlasts the proof."""
    _set_proof(context, time.time())


def _set_proof(context, at):
    kept = session_of(context)
    for record in kept["account_authentication_methods"]:
        record["at"] = at
    data = signing.dumps(kept, key=_secret(), salt=_SALT, serializer=JSONSerializer, compress=True)
    table, key = _session_row(context)
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        update = f"UPDATE {table} SET session_data = %s WHERE session_key = %s"
        assert owner.execute(update, [data, key]).rowcount == 1


_SALT = "django.contrib.sessions.SessionStore"


def _session_row(context):
    """The table and the key of a browser's session: those of the auditors' host are apart."""
    cookie = next(cookie for cookie in context.cookies() if cookie["name"].endswith("session"))
    table = "identity_auditorsession" if "audit" in cookie["name"] else "django_session"
    return table, session_key_of(cookie["value"])


def _secret():
    return (Path(os.environ["TEST_STATE_DIR"]) / "secrets" / "django").read_text().strip()
