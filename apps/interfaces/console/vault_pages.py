"""Pages about one vault, the same for security operations and developers."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property

from apps.audit_log.operation_names import USES
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.groups import find_assignee
from apps.domain.catalog.role_targets import find_target
from apps.domain.identity.queries import addresses
from apps.domain.objects.rules import ObjectIsDeleted
from apps.domain.vaults import role_assignments
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault
from apps.interfaces.console import charts
from apps.interfaces.console.base import FormPage, Page
from apps.usage import queries as usage

_PAGE = 50


class VaultPage(Page):
    """Base of the pages about one vault."""

    @cached_property
    def vault(self) -> Vault:
        """The vault of the address, or of the form. Raises `VaultNotFound`."""
        return get_vault(name=self.kwargs.get("name") or self.request.POST.get("vault", ""))

    def scope(self) -> Scope:
        """The vault as the place of a permission."""
        return Scope.of(self.vault)

    def facts(self) -> dict[str, Any]:
        """The context of every tab of a vault."""
        url = f"https://{self.vault.name.lower()}.{addresses().authority_part}"
        return {"vault": self.vault, "url": url}

    def objects_tab(self, kind: str) -> dict[str, Any]:
        """The objects of a kind, a page at a time."""
        text, after = (self.request.GET.get(name, "") for name in ("q", "after"))
        rows = inventory.list_objects(
            principal=self.principal, vault=self.vault, kind=kind, search=text, after=after, limit=_PAGE + 1
        )
        more = rows[_PAGE - 1].folded_name if len(rows) > _PAGE else ""
        return {"rows": rows[:_PAGE], "q": text, "after": after, "more": more}

    def usage_tab(self) -> dict[str, Any]:
        """Operations of the last hours, and callers."""
        moment, vault_id = now(), self.vault.pk
        minutes = usage.per_minute(since=moment - timedelta(hours=6), until=moment, vault_id=vault_id)
        callers = usage.callers_of(vault_id=vault_id, operations=USES, since=moment - timedelta(days=90))
        return {"chart": charts.operations_chart(minutes), "callers": callers}


class RoleRemoval(VaultPage, abstract=True):
    permissions: ClassVar = {"post": Permission.ROLES_ASSIGN}

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Revoke a role, at once. The vault is in the address or in the form."""
        fields = ("application", "group", "role", "key", "secret", "certificate")
        application, group, role, key, secret, certificate = (request.POST.get(field, "") for field in fields)
        grant = self.grant(self.scope())
        target = find_target(self.vault, key=key, secret=secret, certificate=certificate)
        role_assignments.remove_role(
            grant=grant,
            vault=self.vault,
            assignee=find_assignee(self.principal, application=application, group=group).who,
            role=role,
            target=(target.object_type, target.object_id, target.name),
        )
        text = f"Role of {application or group} on {self.vault.name} revoked. Effective within one second."
        return self.redirect_with_success(text, self.error_url())


class VaultFormPage(VaultPage, FormPage, abstract=True):
    """A page of a form about a vault, below the vault's page."""

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        """With the button that recovers a deleted object of the name, for those who may."""
        if isinstance(self.problem, ObjectIsDeleted) and self.problem.may_recover is not None:
            kind, name = self.problem.may_recover
            context["recover"] = {"vault": self.vault.name, "kind": f"{kind}s", "name": name}
        return super().show(status, template=template, **context)

    def texts(self, form: Any) -> dict[str, Any]:
        name = self.vault.name
        texts = {"title": self.title, "lead": self.lead, "verb": self.verb, "command": form.cli.of(vault=name)}
        return {**texts, "crumb": name, "crumb_url": reverse(f"{self.portal}:vault", args=[name])}
