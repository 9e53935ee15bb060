"""Making the organisation, its people and its application identities."""

import os
import secrets
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from apps.core.errors import Conflict, Forbidden
from apps.core.principals import Duty
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.identity.credentials import CredentialTaken
from apps.domain.identity.models import ApplicationIdentity, ClientSecret, Organisation, SigningKey, User
from apps.domain.identity.queries import check_may_know, get_person, hash_secret, is_name_taken
from apps.domain.identity.rules import CLIENT_SECRET_DAYS, MOST_CREDENTIALS, MOST_OWN_APPLICATIONS, check_name


class TooManyApplications(Conflict):
    """One person has as many application identities as one person may make."""


class DisabledBySecurityOperations(Forbidden):
    """Letting it go on is a decision of security operations."""

    code = "StoppedByOthers"


class LastOwner(Conflict):
    """Without this person nobody could run the vaults."""


class OwnAccount(Forbidden):
    """Somebody else has to do it."""


class NameTaken(Conflict):
    """Somebody has that name already."""


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
        job = client.submit(
            grant=grant,
            kind="hsm.create_signing_key",
            operation="SigningKeyCreate",
            world=world_name,
            subject=("signingkey", key.pk),
            object_id=f"signing-keys/{key.pk.hex}",
            now=now,
        )
    client.wait(job)
    return made


@transaction.atomic
def create_application(*, grant: Grant, name: str, now: datetime) -> tuple[ApplicationIdentity, str]:
    """An application identity and its first client secret, shown this once. Raises `NameTaken`, `BadName`."""
    grant.require(Permission.APPLICATIONS_CREATE)
    check_name(name)
    owner_id = grant.principal.id if grant.principal.duty is Duty.DEVELOPER else None
    if owner_id is not None and ApplicationIdentity.objects.filter(owner_id=owner_id).count() >= MOST_OWN_APPLICATIONS:
        raise TooManyApplications(f"You have {MOST_OWN_APPLICATIONS} application identities, the most for one person.")
    if is_name_taken(name=name):
        raise NameTaken(f"A person or an application is called '{name}' already. Choose another name.")
    client_id = uuid.uuid4()
    user = User(username=f"application:{client_id}", kind="application")
    user.set_unusable_password()
    user.save(force_insert=True)
    application = ApplicationIdentity.objects.create(
        user=user, client_id=client_id, name=name, owner_id=owner_id, created=now
    )
    secret = _add_secret(application, now)
    append_change(grant, operation="ApplicationPut", object_id=f"applications/{client_id}", applicationName=name)
    return application, secret


@transaction.atomic
def add_client_secret(*, grant: Grant, application: ApplicationIdentity, now: datetime) -> str:
    """A further client secret, so that the old one can be replaced without a gap. Shown once.

    Like all that changes an application: raises `ApplicationNotFound` for a developer whose own it is not. Raises
    `CredentialTaken` where there are as many as there may be.
    """
    grant.require(Permission.APPLICATIONS_CREATE)
    check_may_know(grant.principal, application)
    if ClientSecret.objects.filter(application=application).count() >= MOST_CREDENTIALS:
        raise CredentialTaken(
            f"The application has {MOST_CREDENTIALS} client secrets, as many as it may have. Remove one first."
        )
    secret = _add_secret(application, now)
    append_change(grant, operation="ApplicationSecretPut", object_id=f"applications/{application.client_id}")
    return secret


@transaction.atomic
def set_application_enabled(*, grant: Grant, application: ApplicationIdentity, enabled: bool) -> None:
    """Stop an application identity, or let it go on. Its tokens stop within one second; its roles stay.

    A developer stops their own, and starts none again: an incident may be why it stands. Raises `StoppedByOthers`.
    """
    grant.require(Permission.APPLICATIONS_CREATE)
    check_may_know(grant.principal, application)
    if enabled and grant.principal.duty is Duty.DEVELOPER:
        raise DisabledBySecurityOperations("Only security operations let a stopped application go on. Ask them.")
    User.objects.filter(pk=application.user_id).update(is_active=enabled)
    operation = "ApplicationEnable" if enabled else "ApplicationDisable"
    append_change(grant, operation=operation, object_id=f"applications/{application.client_id}")


@transaction.atomic
def remove_client_secret(*, grant: Grant, application: ApplicationIdentity, secret_id: uuid.UUID) -> bool:
    """Take a credential away. True when it was there."""
    grant.require(Permission.APPLICATIONS_CREATE)
    check_may_know(grant.principal, application)
    deleted, _ = ClientSecret.objects.filter(application=application, pk=secret_id).delete()
    append_change(grant, operation="ApplicationSecretDelete", object_id=f"applications/{application.client_id}")
    return deleted > 0


@transaction.atomic
def add_person(*, grant: Grant, username: str, duty: Duty, password: str) -> User:
    """A person with one duty. Raises `NameTaken`, `BadName`."""
    grant.require(Permission.PEOPLE_CREATE)
    check_name(username)
    if is_name_taken(name=username):
        raise NameTaken(f"A person or an application is called '{username}' already. Choose another name.")
    user = User(username=username, kind="person", duty=duty.value)
    user.set_password(password)
    user.save(force_insert=True)
    append_change(grant, operation="PersonPut", object_id=f"people/{username}", duty=duty.value)
    return user


@transaction.atomic
def set_person_enabled(*, grant: Grant, username: str, enabled: bool) -> None:
    """Stop a person, whose sessions and tokens end at once and for good, or let them come back and sign in anew.

    Raises `ApplicationNotFound` when nobody has the name, `LastOwner` for the last of security operations, who alone
    could let anybody in again, and `OwnAccount`.
    """
    grant.require(Permission.PEOPLE_INVITE)
    user = get_person(username=username)
    if user.pk == grant.principal.id:
        raise OwnAccount("Nobody stops or restores their own account. Ask a colleague of security operations.")
    owners = User.objects.select_for_update().filter(duty=Duty.SECURITY_OPERATIONS.value, is_active=True)
    if not enabled and list(owners.values_list("pk", flat=True)) == [user.pk]:
        raise LastOwner("This is the last person of security operations. Invite another one first.")
    User.objects.filter(pk=user.pk).exclude(is_active=enabled).update(is_active=enabled, era=F("era") + 1)
    append_change(grant, operation="PersonEnable" if enabled else "PersonDisable", object_id=f"people/{user.username}")


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
