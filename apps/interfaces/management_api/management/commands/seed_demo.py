"""`manage.py seed_demo --output FILE`: what `./portal up` shows; may be repeated."""

import json
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.core.principals import PersonRole
from apps.core.private_files import replace_file
from apps.domain.access.grants import Scope
from apps.domain.access.operations import assign_role
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity import operations, queries
from apps.domain.identity.models import ApplicationIdentity, User
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import list_worlds
from apps.domain.vaults.models import Vault
from apps.domain.vaults.operations import create as create_vault
from apps.domain.vaults.queries import VaultNotFound, get_vault

_PEOPLE = {"SECOPS": PersonRole.SECURITY_OPERATIONS, "DEVELOPER": PersonRole.DEVELOPER, "AUDITOR": PersonRole.AUDITOR}


class Command(DomainCommand):
    help = "Create the demo's vaults, applications and people, and write their credentials to a private file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, required=True)

    def handle(self, *_args: Any, **options: Any) -> None:
        output: Path = options["output"]
        known = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
        vaults = [_vault(world) for world in reversed(list_worlds())]
        demo = {
            "tenant_id": str(queries.get_organisation().tenant_id),
            "vaults": vaults,
            "application": _application("demo-application", known.get("application")),
            "stranger": _application("demo-stranger", known.get("stranger")),
            "people": _people(known.get("people")),
        }
        _give_everything("demo-application", vaults)
        replace_file(output, json.dumps(demo, indent=2))


def _vault(world: SecurityWorld) -> dict[str, str]:
    name = f"demo-{world.name}"
    if not Vault.objects.filter(name=name, state=Vault.State.READY, purged__isnull=True).exists():
        grant = system_grant(Permission.VAULTS_CREATE, origin="seed_demo")
        create_vault(grant=grant, name=name, world_name=world.name, now=clock.now())
    return {"name": name, "world": world.name}


def _application(name: str, known: dict[str, str] | None) -> dict[str, str]:
    """The known credentials, or new ones: secrets cannot be read again from the database."""
    if known is not None:
        return known
    grant = system_grant(Permission.APPLICATIONS_CREATE, origin="seed_demo")
    now = clock.now()
    application = ApplicationIdentity.objects.filter(name=name).first()
    if application is None:
        application, secret = operations.create_application(grant=grant, name=name, now=now)
    else:
        secret = operations.add_client_secret(grant=grant, application=application, now=now)
    return {"client_id": str(application.client_id), "client_secret": secret}


def _people(known: list[dict[str, str]] | None) -> list[dict[str, str]]:
    if known is not None:
        return known
    people = []
    grant = system_grant(Permission.PEOPLE_CREATE, origin="seed_demo")
    for name, role in _PEOPLE.items():
        username, password = f"demo-{name.lower()}", secrets.token_urlsafe(12)
        user = User.objects.filter(username=username).first()
        if user is None:
            operations.add_person(grant=grant, username=username, role=role, password=password)
        else:  # the file with the password is lost
            user.set_password(password)
            user.save(update_fields=["password"])
        people.append({"role": name, "username": username, "password": password})
    return people


def _give_everything(application: str, vaults: list[dict[str, str]]) -> None:
    principal_id = queries.get_application(name=application).user_id
    for row in vaults:
        try:
            vault = get_vault(name=row["name"])
        except VaultNotFound:  # somebody has deleted it
            continue
        scope = Scope.of(vault)
        assign_role(
            grant=system_grant(Permission.ROLES_ASSIGN, scope=scope, origin="seed_demo"),
            assignee=principal_id,
            role="key-vault-administrator",
            object_type="vault",
            object_id=vault.pk,
        )
