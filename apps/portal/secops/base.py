"""What the pages of security operations share."""

from typing import Any, ClassVar

from django.http import HttpResponse

from apps.access.grants import Scope
from apps.approvals.queries import count_open
from apps.core.clock import now
from apps.core.principals import Duty
from apps.portal.base import Page
from apps.vaults.models import Vault


class SecopsPage(Page):
    """`section`: the line of the navigation that is marked."""

    duty = Duty.SECURITY_OPERATIONS
    section: ClassVar[str] = ""

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        frame = {"section": self.section, "waiting": count_open(now=now())}
        return super().show(status, template=template, **frame, **context)


def at(vault: Vault) -> Scope:
    """The scope of a vault."""
    return Scope(vault_id=vault.pk, vault_name=vault.name)
