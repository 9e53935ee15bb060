"""`manage.py assign_role --application A --role R --vault V [--key K | --secret S]`, or `--role vault-manager`."""

from argparse import ArgumentParser
from typing import Any

from apps.core.clock import now
from apps.core.domain_command import DomainCommand
from apps.domain.access.grants import Scope
from apps.domain.access.operations import assign_role, remove_role
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ASSIGNABLE, MANAGER
from apps.domain.access.system_grants import system_grant
from apps.domain.catalog.role_targets import find_target
from apps.domain.identity.managers import set_manager
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import get_application
from apps.domain.vaults.queries import get_vault


class Command(DomainCommand):
    help = "Assign a role at a vault, key or secret to an application; --remove revokes it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--application", required=True, help="name or client id")
        roles = sorted([*(role.codename for role in ASSIGNABLE), MANAGER])
        parser.add_argument("--role", required=True, choices=roles)
        parser.add_argument("--vault", default="", help=f"for every role but {MANAGER}, which is for all vaults")
        parser.add_argument("--key", default="")
        parser.add_argument("--certificate", default="", help="at this certificate only")
        parser.add_argument("--secret", default="")
        parser.add_argument("--remove", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        application = get_application(name=options["application"])
        changed = self._set_manager(application, options) if options["role"] == MANAGER else self._assign(options)
        self.stdout.write("done" if changed else "it was so already")

    @staticmethod
    def _set_manager(application: ApplicationIdentity, options: dict[str, Any]) -> bool:
        grant = system_grant(Permission.MANAGERS_ASSIGN, origin="assign_role")
        return set_manager(grant=grant, application=application, manager=not options["remove"], now=now())

    @staticmethod
    def _assign(options: dict[str, Any]) -> bool:
        act = remove_role if options["remove"] else assign_role
        vault = get_vault(name=options["vault"])
        target = find_target(vault, key=options["key"], secret=options["secret"], certificate=options["certificate"])
        scope = Scope.of(vault)
        return act(
            grant=system_grant(Permission.ROLES_ASSIGN, scope=scope, origin="assign_role"),
            assignee=get_application(name=options["application"]).user_id,
            role=options["role"],
            object_type=target.object_type,
            object_id=target.object_id,
        )
