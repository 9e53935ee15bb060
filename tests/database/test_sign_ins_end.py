"""A new password or a suspension ends the sign-ins of a person, whatever process writes it: the HSM worker sees no more."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.core.ids import uuid7
from apps.domain.identity import live_sign_ins
from apps.domain.identity.models import ManagementToken
from apps.domain.identity.rules import digest_of, session_key_of
from tests.support.roles import connect
from vaultportal.database_privileges import WEB

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN, COOKIE = "vp_held", "the-cookie-of-a-browser"


def sign_in(person):
    """A session of a browser and a token of a command line, as sign-ins store them."""
    later = now() + timedelta(hours=1)
    with connect(WEB) as database:
        database.execute("INSERT INTO django_session VALUES (%s, '', %s)", [session_key_of(COOKIE), later])
        database.execute(
            "INSERT INTO usersessions_usersession (session_key, user_id, created_at, last_seen_at, ip, user_agent, data)"
            " VALUES (%s, %s, now(), now(), '::1', '', '{}')",
            [session_key_of(COOKIE), person.id],
        )
    ManagementToken.objects.create(
        id=uuid7(), digest=digest_of(TOKEN), person_id=person.id, password_mark=b"", label="", address="",
        created=now(), proven=now(), expires=later,
    )  # fmt: skip


def live():
    """Which of the two the HSM worker takes for live."""
    session = live_sign_ins.find_by_session(cookie=COOKIE, now=now())
    return [session is not None, live_sign_ins.find_by_token(token=TOKEN, now=now()) is not None]


@pytest.mark.parametrize(
    "changes", [["password = 'another'"], ["is_active = false", "is_active = true"]], ids=["password", "suspension"]
)
def test_what_ended_stays_over(people, changes):
    sign_in(people.dev)
    assert live() == [True, True]
    with connect(WEB) as database:
        for change in changes:
            database.execute(f"UPDATE identity_user SET {change} WHERE id = %s", [people.dev.id])
    assert live() == [False, False]


@pytest.mark.parametrize("change", ["last_login = now()", "is_active = true", "password = password"])
def test_other_changes_end_nothing(people, change):
    sign_in(people.dev)
    with connect(WEB) as database:
        database.execute(f"UPDATE identity_user SET {change} WHERE id = %s", [people.dev.id])
        database.execute("UPDATE identity_user SET password = 'another' WHERE id = %s", [people.secops.id])
    assert live() == [True, True]
