"""A person who is allowed back signs in again: earlier sessions and tokens stay invalid."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib import auth

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.identity import device_sign_in
from apps.domain.identity.models import User
from apps.domain.identity.operations import set_person_enabled
from apps.domain.identity.portal_sessions import SessionStore
from tests.support import actors

pytestmark = pytest.mark.django_db


def signed_in(rf, person):
    """A browser's request with a session of this person, as signing in makes it."""
    request, user = rf.get("/"), User.objects.get(pk=person.id)
    request.session = SessionStore()
    request.session[auth.SESSION_KEY] = str(user.pk)
    request.session[auth.BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    request.session[auth.HASH_SESSION_KEY] = user.get_session_auth_hash()
    return request


def confirmed(person, moment):
    """The device code of a command line that this person has confirmed."""
    started = device_sign_in.start_sign_in(label="laptop", request=actors.request(), now=moment)
    grant = grant_for_own_account(person, Permission.SESSIONS_OPEN, actors.request())
    user = User.objects.get(pk=person.id)
    device_sign_in.decide(grant=grant, user=user, user_code=started.user_code, allow=True, now=moment)
    return started.device_code


def token(person, moment):
    return device_sign_in.redeem(device_code=confirmed(person, moment), request=actors.request(), now=moment).token


@pytest.fixture
def switch(people):
    grant = actors.grant_of(people.secops, Permission.PEOPLE_INVITE)

    def turn(*, enabled):
        set_person_enabled(grant=grant, username=people.dev.name, enabled=enabled, now=now())

    return turn


def test_a_session_from_before_stays_over(people, rf, switch):
    before = signed_in(rf, people.dev)
    assert auth.get_user(before).is_authenticated
    switch(enabled=False)
    assert not auth.get_user(before).is_authenticated
    switch(enabled=True)
    assert not auth.get_user(before).is_authenticated
    assert auth.get_user(signed_in(rf, people.dev)).is_authenticated


def test_a_command_lines_token_from_before_stays_over(people, switch):
    moment = now()
    held, waiting = token(people.dev, moment), confirmed(people.dev, moment)
    assert device_sign_in.authenticate_token(token=held, now=moment) is not None
    switch(enabled=False)
    switch(enabled=True)
    assert device_sign_in.authenticate_token(token=held, now=moment) is None
    assert device_sign_in.list_tokens(person_id=people.dev.id, now=moment) == []
    with pytest.raises(device_sign_in.DeviceRequestGone):
        device_sign_in.redeem(device_code=waiting, request=actors.request(), now=moment + timedelta(seconds=5))
    assert device_sign_in.authenticate_token(token=token(people.dev, moment), now=moment) is not None


def test_letting_on_whoever_was_not_stopped_ends_nothing(people, rf, switch):
    before = signed_in(rf, people.dev)
    switch(enabled=True)
    assert auth.get_user(before).is_authenticated
