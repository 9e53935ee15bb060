"""The base of the auditors' pages."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from apps.audit_log.records import ORGANISATION
from apps.audit_reader.search_params import InvalidSearch
from apps.audit_reader.search_service import ORGANISATION_NAME, ChosenLog, choose_log
from apps.core.errors import Unavailable
from apps.core.principals import PersonRole
from apps.domain.identity.queries import list_applications
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import list_logged_vaults
from apps.interfaces.console.base import Page


class AuditorsPage(Page):
    role = PersonRole.AUDITOR
    portal = "auditors"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except Unavailable as error:
            return render(request, "portal/auditors/away.html", {"error": error.message}, status=503)
        except InvalidSearch as error:
            return render(request, "portal/auditors/bad_search.html", {"error": error.message}, status=400)

    @cached_property
    def vaults(self) -> list[Vault]:
        """All vaults by name, deleted and purged ones too, read once for each page."""
        return list_logged_vaults()

    @cached_property
    def names(self) -> "Names":
        """The names for ids."""
        return Names(self.vaults)

    def chosen(self, params: Mapping[str, str]) -> ChosenLog:
        """The log that the parameter `vault` names. Raises `VaultNotFound`."""
        return choose_log(params.get("vault", "").strip())


class Names:
    """Names of vaults by id and of applications by client id."""

    def __init__(self, vaults: list[Vault]) -> None:
        self._vaults = {vault.pk: vault.name for vault in vaults}
        self._vaults[ORGANISATION] = "organisation"
        self._callers = {str(row.client_id): row.name for row in list_applications()}

    def vault(self, log_id: UUID) -> str:
        """A vault's name; the id of a removed vault."""
        return self._vaults.get(log_id, str(log_id))

    def parameter(self, log_id: UUID) -> str:
        """The value of the parameter `vault` for a log."""
        return ORGANISATION_NAME if log_id == ORGANISATION else self.vault(log_id)

    def caller(self, caller: str) -> str:
        """An application's name for its client id; any other text unchanged."""
        return self._callers.get(caller, caller)
