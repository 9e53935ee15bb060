"""The role that a new application may get in the act that makes it."""

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults import role_assignments
from apps.domain.vaults.queries import get_vault
from apps.domain.vaults.role_assignments import Assignee
from apps.interfaces.console.base import Page


def assign_initial_role(page: Page, application: ApplicationIdentity, *, vault_name: str, role: str) -> str:
    """Why it has no role yet, told beside the secret, which is shown in any case; "" when it has, or needs none."""
    if not vault_name:
        return ""
    try:
        vault = get_vault(name=vault_name)
        role_assignments.assign_role(
            grant=page.grant(Scope.of(vault), Permission.ROLES_ASSIGN),
            vault=vault,
            assignee=Assignee(application.user_id, application.name),
            role=role,
            target=("vault", vault.pk, ""),
            now=now(),
        )
    except VaultError as error:
        return error.message
    return ""
