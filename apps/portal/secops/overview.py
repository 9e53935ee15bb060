"""Is anything wrong, and what wants a decision?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.access.permissions import Permission
from apps.approvals.queries import list_open
from apps.core.clock import now
from apps.inventory import queries as inventory
from apps.jobs import dispatch
from apps.jobs.queries import open_jobs
from apps.portal import charts
from apps.portal.secops.base import SecopsPage
from apps.usage import queries as usage
from apps.vaults.queries import list_vaults
from apps.worlds.queries import list_worlds


@dataclass(frozen=True, slots=True)
class Card:
    """A state in one number, its cause in a word, and one thing to do."""

    title: str
    value: str
    level: str
    cause: str
    detail: str = ""
    action: str = ""
    url: str = ""


class Overview(SecopsPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    section = "secops:overview"
    template = "portal/secops/overview.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Four cards, the last six hours, the next thirty days, who was refused."""
        self.grant()
        moment = now()
        coming = inventory.coming(now=moment, days=30, limit=200)
        approvals = list_open(now=moment)
        cards = [self._hsm(), self._jobs(), self._expiring(coming), self._approvals(approvals)]
        if request.GET.get("part") == "state":  # what the page asks for every ten seconds
            return self.show(template=f"{self.template}#state", cards=cards)
        since = moment - timedelta(hours=6)
        return self.show(
            cards=cards,
            sentence=self._sentence(cards, len(approvals)),
            chart=charts.lines(usage.per_minute(since=since, until=moment)),
            coming=coming[:8],
            refused=usage.most_refused(since=moment - timedelta(days=1), limit=5),
            vault_names={vault.pk: vault.name for vault in list_vaults()},
        )

    @staticmethod
    def _sentence(cards: list[Card], waiting: int) -> str:
        wrong = [card.title for card in cards if card.level == "wrong"]
        first = _("%s needs attention now.") % ", ".join(wrong) if wrong else _("Everything is running.")
        if not waiting:
            return f"{first} " + _("Nothing waits for a decision.")
        text = ngettext("%(n)s request waits for a decision.", "%(n)s requests wait for a decision.", waiting)
        return f"{first} {text % {'n': waiting}}"

    @staticmethod
    def _hsm() -> Card:
        worlds = [world.name for world in list_worlds()]
        away = [name for name in worlds if not dispatch.is_healthy(world=name)]
        value = _("%(up)s of %(all)s worlds") % {"up": len(worlds) - len(away), "all": len(worlds)}
        if away:
            detail = _("%s does not answer; other worlds go on") % ", ".join(away)
            return Card(_("HSM"), value, "wrong", _("away"), detail, _("Look"), "secops:hsm")
        return Card(_("HSM"), value, "ok", _("serving"))

    @staticmethod
    def _jobs() -> Card:
        waiting, oldest, failed = open_jobs(now=now())
        if failed:
            return Card(
                _("HSM jobs"), str(waiting), "attention", _("%s failed today") % failed, "", _("Look"), "secops:hsm"
            )
        if oldest is not None and now() - oldest > timedelta(minutes=2):
            return Card(_("HSM jobs"), str(waiting), "wrong", _("stuck"), "", _("Look"), "secops:hsm")
        return Card(_("HSM jobs"), str(waiting), "ok", _("on time"), _("keys being made now"))

    @staticmethod
    def _expiring(coming: list[inventory.Coming]) -> Card:
        count = len([event for event in coming if event.what == "expires"])
        if count:
            return Card(_("Expiring in 30 days"), str(count), "attention", _("renew or extend"))
        return Card(_("Expiring in 30 days"), "0", "ok", _("nothing"))

    @staticmethod
    def _approvals(approvals: Sequence[object]) -> Card:
        if approvals:
            value = _("%s waiting") % len(approvals)
            return Card(_("Approvals"), value, "attention", _("decide"), "", _("Open"), "secops:approvals")
        return Card(_("Approvals"), _("0 waiting"), "ok", _("none open"))
