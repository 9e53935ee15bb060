"""Making the organisation, its people and its application identities."""

import os
import secrets
import uuid
from datetime import datetime, timedelta

from django.db import transaction

from apps.access.grants import Grant
from apps.access.permissions import Permission
from apps.access.recording import append_attempt, append_change
from apps.core.errors import BadRequest, Conflict
from apps.core.principals import Duty
from apps.identity.models import ApplicationIdentity, ClientSecret, Organisation, SigningKey, User
from apps.identity.queries import hash_secret
from apps.identity.rules import CLIENT_SECRET_DAYS
from apps.jobs import dispatch


class NameTaken(Conflict):
    """Somebody has that name already."""


class BadName(BadRequest):
    """Not a name for a person or an application."""


def initialise(*, grant: Grant, organisation: str, world_name: str, now: datetime) -> Organisation:
    """Make the organisation and the key that signs its tokens, unless they are there. May be repeated.

    Raises `WorldNotFound` through the worker, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.ORGANISATION_INITIALISE)
    with transaction.atomic():
        made, _ = Organisation.objects.get_or_create(
            only=True, defaults={"tenant_id": uuid.uuid4(), "name": organisation}
        )
        made = Organisation.objects.select_for_update().get(pk=made.pk)
        if SigningKey.objects.filter(protected__isnull=False, retired__isnull=True).exists():
            return made
        SigningKey.objects.filter(protected__isnull=True).update(retired=now)
        key = SigningKey.objects.create(world_name=world_name, created=now)
        append_attempt(grant, operation="SigningKeyCreate", object_id=f"signing-keys/{key.pk.hex}")
        job = dispatch.submit(
            grant=grant,
            kind="hsm.create_signing_key",
            operation="SigningKeyCreate",
            world=world_name,
            subject=("signingkey", key.pk),
            object_id=f"signing-keys/{key.pk.hex}",
            now=now,
        )
    dispatch.wait(job)
    return made


@transaction.atomic
def create_application(*, grant: Grant, name: str, now: datetime) -> tuple[ApplicationIdentity, str]:
    """An application identity and its first client secret, shown this once. Raises `NameTaken`, `BadName`."""
    grant.require(Permission.APPLICATIONS_CREATE)
    _check_name(name)
    if ApplicationIdentity.objects.filter(name=name).exists():
        raise NameTaken(f"There is an application identity '{name}' already.")
    client_id = uuid.uuid4()
    user = User(username=f"application:{client_id}", kind="application")
    user.set_unusable_password()
    user.save(force_insert=True)
    application = ApplicationIdentity.objects.create(user=user, client_id=client_id, name=name, created=now)
    secret = _add_secret(application, now)
    append_change(grant, operation="ApplicationPut", object_id=f"applications/{client_id}", applicationName=name)
    return application, secret


@transaction.atomic
def add_client_secret(*, grant: Grant, application: ApplicationIdentity, now: datetime) -> str:
    """A further client secret, so that the old one can be replaced without a gap. Shown once."""
    grant.require(Permission.APPLICATIONS_CREATE)
    secret = _add_secret(application, now)
    append_change(grant, operation="ApplicationSecretPut", object_id=f"applications/{application.client_id}")
    return secret


@transaction.atomic
def create_person(*, grant: Grant, username: str, duty: Duty, password: str) -> User:
    """A person with one duty. Raises `NameTaken`, `BadName`."""
    grant.require(Permission.ORGANISATION_INITIALISE)
    _check_name(username)
    if User.objects.filter(username=username).exists():
        raise NameTaken(f"There is a person '{username}' already.")
    user = User(username=username, kind="person", duty=duty.value)
    user.set_password(password)
    user.save(force_insert=True)
    append_change(grant, operation="PersonPut", object_id=f"people/{username}", duty=duty.value)
    return user


def _add_secret(application: ApplicationIdentity, now: datetime) -> str:
    secret, salt = secrets.token_urlsafe(32), os.urandom(16)
    ClientSecret.objects.create(
        application=application,
        salt=salt,
        digest=hash_secret(salt, secret),
        created=now,
        expires=now + timedelta(days=CLIENT_SECRET_DAYS),
    )
    return secret


def _check_name(name: str) -> None:
    if not (1 <= len(name) <= 128 and name.isprintable() and name.strip() == name and ":" not in name):
        raise BadName("A name has 1 to 128 printable characters, no colon, and no blanks around it.")
