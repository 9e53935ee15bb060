"""The role that a new application may get in the act that makes it."""

from apps.access.permissions import Permission
from apps.core.clock import now
from apps.core.errors import VaultError
from apps.identity.models import ApplicationIdentity
from apps.portal.base import Page, at
from apps.vaults import assignments
from apps.vaults.assignments import Assignee
from apps.vaults.queries import get_vault


def give_first_role(page: Page, application: ApplicationIdentity, *, vault_name: str, role: str) -> str:
    """Why it has no role yet, told beside the secret, which is shown in any case; "" when it has, or needs none."""
    if not vault_name:
        return ""
    try:
        vault = get_vault(name=vault_name)
        assignments.assign_role(
            grant=page.grant(at(vault), Permission.ROLES_ASSIGN),
            vault=vault,
            assignee=Assignee(application.user_id, application.name),
            role=role,
            target=("vault", vault.pk, ""),
            now=now(),
        )
    except VaultError as error:
        return error.message
    return ""
