"""Actors of the tests, named by duty."""

import uuid
from dataclasses import dataclass

from apps.core.clock import now
from apps.core.ids import uuid7
from apps.core.principals import PersonRole, Principal, PrincipalKind, RequestContext
from apps.domain.access.grants import Scope, authorize
from apps.domain.access.operations import assign_role
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.models import ApplicationIdentity, Organisation, User
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.security_worlds.models import ProtectedKey, SecurityWorld
from apps.domain.vaults.models import Vault
from apps.usage.models import UseCount

TENANT = uuid.UUID("11111111-2222-3333-4444-555555555555")


@dataclass(frozen=True)
class Actors:
    """Everybody, as principals."""

    app: Principal  # an application with every data-plane right on the vault
    stranger: Principal  # an application without rights
    secops: Principal
    dev: Principal
    auditor: Principal


def request():
    """A request that nobody waits for."""
    return RequestContext(request_id=uuid7(), address="127.0.0.1", user_agent="tests")


def make_organisation():
    return Organisation.objects.get_or_create(only=True, defaults={"tenant_id": TENANT, "name": "Tests"})[0]


def make_application(name):
    client_id = uuid.uuid4()
    user = User.objects.create(username=f"application:{client_id}", kind="application")
    ApplicationIdentity.objects.create(user=user, client_id=client_id, name=name, created=now())
    return Principal(user.pk, PrincipalKind.APPLICATION, name, TENANT, client_id=str(client_id))


def make_person(name, role):
    user = User.objects.create(username=name, kind="person", duty=role.value)
    return Principal(user.pk, PrincipalKind.PERSON, name, TENANT, role=role)


def make_world(name="europe"):
    return SecurityWorld.objects.create(name=name, geography=name.title(), region=name, generation=1, created=now())


def make_vault(world, name):
    """A vault whose key is a row that no HSM knows: enough for everything that does not use it."""
    vault = Vault.objects.create(name=name, world=world, created=now())
    vault.key = make_protected(world, vault, name="vault-key", key_type="oct", parameter="256")
    vault.state = Vault.State.READY
    vault.save()
    return vault


def make_protected(world, vault, *, name, key_type="EC", parameter="P-256", custody="wrapped"):
    return ProtectedKey.objects.create(
        world=world,
        generation=1,
        custody=custody,
        vault_id=vault.pk,
        name=name,
        version=uuid.uuid4().hex,
        key_type=key_type,
        parameter=parameter,
        operations=["sign"],
        public_key=b"",
        blob=b"blob",
        mac=b"mac",
    )


def make_key(vault, name="x", *, versions=("0" * 32,), moments=None, **fields):
    """A key with these versions, each with a moment of creation; its row is as `make_protected`'s. `fields`: of the key."""
    key = Key.objects.create(vault=vault, name=name, folded_name=name.lower(), **fields)
    for version, moment in zip(versions, moments or [now()] * len(versions), strict=True):
        key.current = KeyVersion.objects.create(
            key=key,
            version=version,
            key_type="EC",
            parameter="P-256",
            custody="wrapped",
            protected=make_protected(vault.world, vault, name=name),
            operations=["sign"],
            state=KeyVersion.State.READY,
            created=moment,
            updated=moment,
        )
    key.save()
    return key


def count_use(principal, vault, *, object_id="keys/a/1", operation="KeySign", done=1, first=None, last=None):
    """A count of uses. `first`, `last`: by default now."""
    UseCount.objects.create(
        caller_id=principal.id,
        caller=principal.client_id or principal.name,
        vault_id=vault.pk,
        object_id=object_id,
        operation=operation,
        done=done,
        first=first or last or now(),
        last=last or now(),
    )


def grant_of(principal, permission, vault=None):
    """What `authorize` gives a principal at a vault, or at the organisation."""
    return authorize(principal, permission, Scope.of(vault), request())


def give(principal, role, vault, *, object_type="vault", object_id=None):
    """A role assignment, as the system makes it."""
    grant = system_grant(Permission.ROLES_ASSIGN, scope=Scope.of(vault), origin="tests")
    assign_role(grant=grant, assignee=principal.id, role=role, object_type=object_type, object_id=object_id or vault.pk)


def assemble(vault):
    """The actors of a vault."""
    make_organisation()
    actors = Actors(
        app=make_application("app"),
        stranger=make_application("stranger"),
        secops=make_person("secops", PersonRole.SECURITY_OPERATIONS),
        dev=make_person("dev", PersonRole.DEVELOPER),
        auditor=make_person("auditor", PersonRole.AUDITOR),
    )
    give(actors.app, "key-vault-administrator", vault)
    return actors
