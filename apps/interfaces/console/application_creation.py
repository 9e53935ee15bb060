"""The page that creates an application identity, the same for security operations and developers."""

from typing import Any, ClassVar

from django.http import HttpResponse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.identity import operations
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.vaults import role_assignments
from apps.domain.vaults.queries import get_vault
from apps.domain.vaults.role_assignments import Assignee
from apps.interfaces.console.base import FormPage


class ApplicationCreationPage(FormPage, abstract=True):
    permissions: ClassVar = {"get": Permission.APPLICATIONS_CREATE, "post": Permission.APPLICATIONS_CREATE}
    require_reauth = True  # it may assign a role, too

    def show_secret(
        self, application: ApplicationIdentity, secret: str, *, problem: str, data: dict[str, Any]
    ) -> HttpResponse:
        """The only page that shows the secret; `problem`: the reason why the application has no role yet."""
        raise NotImplementedError

    def submit(self, form: Any) -> HttpResponse:
        """Create the application, with a role if one was chosen."""
        data = form.cleaned_data
        made, secret = operations.create_application(grant=self.grant(), name=data["name"], now=now())
        try:
            self._assign_role(made, vault_name=data["vault"], role=data["role"])
        except VaultError as error:
            return self.show_secret(made, secret, problem=error.message, data=data)
        return self.show_secret(made, secret, problem="", data=data)

    def _assign_role(self, application: ApplicationIdentity, *, vault_name: str, role: str) -> None:
        if not vault_name:
            return
        vault = get_vault(name=vault_name)
        role_assignments.assign_role(
            grant=self.grant(Scope.of(vault), Permission.ROLES_ASSIGN),
            vault=vault,
            assignee=Assignee(application.user_id, application.name),
            role=role,
            target=("vault", vault.pk, ""),
            now=now(),
        )
