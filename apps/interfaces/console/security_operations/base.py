"""Base of the pages of security operations."""

from typing import Any

from django.http import HttpResponse

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.approvals.queries import count_open
from apps.interfaces.console import vault_pages
from apps.interfaces.console.base import Page


class SecopsPage(Page):
    role = PersonRole.SECURITY_OPERATIONS
    portal = "secops"

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        return super().show(status, template=template, waiting=count_open(now=now()), **context)


class VaultPage(vault_pages.VaultPage, SecopsPage):
    """Base of the pages about one vault."""

    section = "secops:vaults"
