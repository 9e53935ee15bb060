"""Operations on the organisation, its people and its application identities."""

import os
import secrets
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from apps.audit_log.operation_names import Operation
from apps.core.errors import Conflict, Forbidden
from apps.core.principals import PersonRole
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.effects import effect_of
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_access, approved_operation, end_requests
from apps.domain.approvals.people import How, record_control
from apps.domain.hsm_client import client
from apps.domain.identity import token_keys
from apps.domain.identity.credentials import CredentialTaken, added_credential, remove_credential
from apps.domain.identity.models import ApplicationIdentity, ClientSecret, Organisation, SigningKey, User
from apps.domain.identity.queries import check_visible, get_person, hash_secret, is_name_taken
from apps.domain.identity.rules import CLIENT_SECRET_DAYS, MAX_APPLICATIONS_PER_DEVELOPER, MAX_CREDENTIALS, check_name


class TooManyApplications(Conflict):
    """The person has the most application identities that one person may have."""


class DisabledBySecurityOperations(Forbidden):
    """Only security operations may enable the application again."""

    code = "StoppedByOthers"


class LastOwner(Conflict):
    """The last active person of security operations cannot be disabled."""


class OwnAccount(Forbidden):
    """People cannot disable or enable their own account."""


class NameTaken(Conflict):
    """A person or an application has that name already."""


def initialise(*, grant: Grant, organisation: str, world_name: str, now: datetime) -> Organisation:
    """Create the organisation and its token signing key, unless they exist. May be repeated.

    Raises `WorldNotFound` through the worker, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.ORGANISATION_INITIALISE)
    with transaction.atomic():
        row, _ = Organisation.objects.get_or_create(
            only=True, defaults={"tenant_id": uuid.uuid4(), "name": organisation}
        )
        row = Organisation.objects.select_for_update().get(pk=row.pk)
        if SigningKey.objects.filter(protected__isnull=False, retired__isnull=True).exists():
            return row
        job = token_keys.submit_key(grant=grant, world_name=world_name, now=now)
    client.wait(job)
    return row


@transaction.atomic
def create_application(*, grant: Grant, name: str, now: datetime) -> tuple[ApplicationIdentity, str]:
    """Create an application identity and its first client secret, shown this once. Raises `NameTaken`, `BadName`."""
    grant.require(Permission.APPLICATIONS_CREATE)
    check_name(name)
    owner_id = grant.principal.id if grant.principal.role is PersonRole.DEVELOPER else None
    if (
        owner_id is not None
        and ApplicationIdentity.objects.filter(owner_id=owner_id).count() >= MAX_APPLICATIONS_PER_DEVELOPER
    ):
        raise TooManyApplications(
            f"You have {MAX_APPLICATIONS_PER_DEVELOPER} application identities, the most for one person."
        )
    if is_name_taken(name=name):
        raise NameTaken(f"A person or an application is called '{name}' already. Choose another name.")
    client_id = uuid.uuid4()
    user = User(username=f"application:{client_id}", kind="application")
    user.set_unusable_password()
    user.save(force_insert=True)
    application = ApplicationIdentity.objects.create(
        user=user, client_id=client_id, name=name, owner_id=owner_id, created=now
    )
    record_control(principal_id=user.pk, by=grant.principal, how=How.CREATED, now=now)
    secret, row = _add_secret(application, now)
    record_control(
        principal_id=user.pk,
        by=grant.principal,
        how=How.CREDENTIAL,
        credential_id=row.pk,
        expires=row.expires,
        now=now,
    )
    append_change(
        grant, operation=Operation.APPLICATION_PUT, object_id=f"applications/{client_id}", applicationName=name
    )
    return application, secret


def add_client_secret(*, grant: Grant, application: ApplicationIdentity, now: datetime) -> str:
    """Add a client secret, so that the old one can be replaced without a gap. Shown once.

    Raises `ApplicationNotFound` for a developer who does not own it, `CredentialTaken` at the limit, and
    `ApprovalRequired` if the application has roles in production vaults.
    """
    grant.require(Permission.APPLICATIONS_CREATE)
    check_visible(grant.principal, application)
    if ClientSecret.objects.filter(application=application).count() >= MAX_CREDENTIALS:
        raise CredentialTaken(
            f"The application has {MAX_CREDENTIALS} client secrets, as many as it may have. Remove one first."
        )
    with added_credential(grant=grant, application=application, what={"credential": "client secret"}, now=now) as added:
        secret, row = _add_secret(application, now)
        added.append(row)
        append_change(
            grant, operation=Operation.APPLICATION_SECRET_PUT, object_id=f"applications/{application.client_id}"
        )
    return secret


def set_application_enabled(*, grant: Grant, application: ApplicationIdentity, enabled: bool, now: datetime) -> None:
    """Disable or enable an application identity. Its tokens stop working within one second; its roles stay.

    Developers may disable their own, but not enable one: it may be disabled for an incident. Raises
    `DisabledBySecurityOperations`, and `ApprovalRequired` for enabling one that has roles in production vaults.
    """
    grant.require(Permission.APPLICATIONS_CREATE)
    check_visible(grant.principal, application)
    object_id = f"applications/{application.client_id}"
    if not enabled:
        with transaction.atomic():
            User.objects.filter(pk=application.user_id).update(is_active=False)
            end_requests(grant=grant, concerns=application.user_id)
            append_change(grant, operation=Operation.APPLICATION_DISABLE, object_id=object_id)
        return
    if grant.principal.role is PersonRole.DEVELOPER:
        raise DisabledBySecurityOperations("Only security operations can reactivate a suspended application.")
    with approved_access(
        grant=grant,
        act=GuardedOperation.APPLICATION_ENABLE,
        principal_id=application.user_id,
        subject=f"applications/{application.name}",
        change={"who": application.name},
        now=now,
    ):
        User.objects.filter(pk=application.user_id).update(is_active=True)
        end_requests(grant=grant, concerns=application.user_id)
        append_change(grant, operation=Operation.APPLICATION_ENABLE, object_id=object_id)


def remove_client_secret(
    *, grant: Grant, application: ApplicationIdentity, secret_id: uuid.UUID, now: datetime
) -> bool:
    """Remove a client secret. True when it existed."""
    grant.require(Permission.APPLICATIONS_CREATE)
    return remove_credential(grant=grant, application=application, credential_id=secret_id, now=now)


@transaction.atomic
def add_person(*, grant: Grant, username: str, role: PersonRole, password: str) -> User:
    """Create a person with one role. Raises `NameTaken`, `BadName`."""
    grant.require(Permission.PEOPLE_CREATE)
    check_name(username)
    if is_name_taken(name=username):
        raise NameTaken(f"A person or an application is called '{username}' already. Choose another name.")
    user = User(username=username, kind="person", duty=role.value)
    user.set_password(password)
    user.save(force_insert=True)
    append_change(grant, operation=Operation.PERSON_PUT, object_id=f"people/{username}", duty=role.value)
    return user


def set_person_enabled(*, grant: Grant, username: str, enabled: bool, now: datetime) -> None:
    """Disable a person, which ends their sessions and tokens at once, or enable them to sign in again.

    Raises `ApplicationNotFound`, `OwnAccount`, `LastOwner` for the last person of security operations, who alone
    could enable people again, and `ApprovalRequired` for enabling a person who opens production vaults.
    """
    grant.require(Permission.PEOPLE_INVITE)
    user = get_person(username=username)
    if user.pk == grant.principal.id:
        raise OwnAccount(
            "You cannot suspend or reactivate your own account. Ask another person of security operations."
        )
    if enabled:
        effect = effect_of(principal_id=user.pk, duty=user.duty or "")
        with approved_operation(
            grant=grant,
            act=GuardedOperation.PERSON_ENABLE,
            guarded=effect.guarded,
            subject=f"people/{user.username}",
            change={"who": user.username, "opens": effect.opens},
            now=now,
            basis={**effect.basis, "era": user.era},
            principals=[user.pk],
        ):
            _switch_person(grant, user, enabled=True)
        return
    with transaction.atomic():
        owners = User.objects.select_for_update().filter(duty=PersonRole.SECURITY_OPERATIONS.value, is_active=True)
        if list(owners.values_list("pk", flat=True)) == [user.pk]:
            raise LastOwner("This is the last person of security operations. Invite another one first.")
        _switch_person(grant, user, enabled=False)


def _switch_person(grant: Grant, user: User, *, enabled: bool) -> None:
    User.objects.filter(pk=user.pk).exclude(is_active=enabled).update(is_active=enabled, era=F("era") + 1)
    append_change(
        grant,
        operation=Operation.PERSON_ENABLE if enabled else Operation.PERSON_DISABLE,
        object_id=f"people/{user.username}",
    )


def _add_secret(application: ApplicationIdentity, now: datetime) -> tuple[str, ClientSecret]:
    secret, salt = secrets.token_urlsafe(32), os.urandom(16)
    row = ClientSecret.objects.create(
        application=application,
        salt=salt,
        digest=hash_secret(salt, secret),
        created=now,
        expires=now + timedelta(days=CLIENT_SECRET_DAYS),
    )
    return secret, row
