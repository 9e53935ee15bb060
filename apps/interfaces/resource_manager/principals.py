"""Principals by their ids, as Azure's tools name them."""

from uuid import UUID

from apps.core.principals import Principal
from apps.domain.identity.queries import get_assignee, map_assignee_names
from apps.domain.vaults.role_assignments import Assignee
from apps.interfaces.resource_manager import addresses
from apps.interfaces.resource_manager.errors import BadContent


class PrincipalNotFound(BadContent):
    """No application or developer has that id."""

    code = "PrincipalNotFound"


def find_assignee(caller: Principal, principal_id: UUID) -> Assignee:
    """Find who gets a role. Raises `PrincipalNotFound`, `ApplicationNotFound`."""
    name = map_assignee_names([principal_id]).get(principal_id)
    if name is None:
        raise PrincipalNotFound(
            f"Principal {principal_id.hex} does not exist in the directory {addresses.tenant()}. Name the principal "
            "ID of an application, which the management API and the portal show, not its client ID."
        )
    return Assignee(*get_assignee(caller, name=name))
