"""Base of the pages of security operations."""

from typing import Any, ClassVar

from django.http import HttpResponse

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.approvals.queries import count_open
from apps.interfaces.console.base import Page


class SecopsPage(Page):
    """`section`: the entry of the navigation that is marked."""

    role = PersonRole.SECURITY_OPERATIONS
    section: ClassVar[str] = ""

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        frame = {"section": self.section, "waiting": count_open(now=now())}
        return super().show(status, template=template, **frame, **context)
