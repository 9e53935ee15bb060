"""What the pages of auditors share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from apps.audit_log.records import ORGANISATION
from apps.audit_reader.search_params import InvalidSearch, parse_log
from apps.core.errors import Unavailable
from apps.core.principals import Duty
from apps.domain.access.grants import Scope
from apps.domain.identity.queries import list_applications
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault, list_vaults
from apps.interfaces.console.base import Page

ORGANISATION_NAME = "-"  # in addresses: the log of what concerns no vault


@dataclass(frozen=True, slots=True)
class Chosen:
    """The vault, or the organisation, or everything (`log_id` None) that an address names."""

    name: str
    log_id: UUID | None
    scope: Scope


class AuditorsPage(Page):
    """`section`: the line of the navigation that is marked."""

    duty = Duty.AUDITOR
    section: ClassVar[str] = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Unavailable as error:
            return render(request, "portal/auditors/away.html", {"error": error.message}, status=503)
        except InvalidSearch as error:
            return render(request, "portal/auditors/bad_search.html", {"error": error.message}, status=400)

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        return super().show(status, template=template, section=self.section, **context)

    def done_at(self, message: str, address: str) -> HttpResponse:
        """After an act: say what happened, at an address of ours."""
        messages.success(self.request, message)
        return redirect(address)

    @cached_property
    def vaults(self) -> list[Vault]:
        """All vaults by name, read once for a page."""
        return list_vaults()

    @cached_property
    def names(self) -> "Names":
        """What ids are called."""
        return Names(self.vaults)

    def chosen(self, params: Mapping[str, str]) -> Chosen:
        """The log that the parameter `vault` names. Raises `VaultNotFound`."""
        name = params.get("vault", "").strip()
        if not name:
            return Chosen("", None, Scope())
        if name == ORGANISATION_NAME:
            return Chosen(name, ORGANISATION, Scope())
        log_id = parse_log(name)
        if log_id is not None:
            return Chosen(str(log_id), log_id, Scope())  # in its one spelling: what was typed may have more in it
        vault = get_vault(name=name)
        return Chosen(vault.name, vault.pk, Scope(vault.pk, vault.name))


class Names:
    """Names of vaults by id, and of applications by client id: people do not read UUIDs."""

    def __init__(self, vaults: list[Vault]) -> None:
        self._vaults = {vault.pk: vault.name for vault in vaults}
        self._vaults[ORGANISATION] = "organisation"
        self._callers = {str(row.client_id): row.name for row in list_applications()}

    def vault(self, log_id: UUID) -> str:
        """A vault's name; its id when it is gone."""
        return self._vaults.get(log_id, str(log_id))

    def caller(self, caller: str) -> str:
        """An application's name for its client id; anything else as it is."""
        return self._callers.get(caller, caller)
