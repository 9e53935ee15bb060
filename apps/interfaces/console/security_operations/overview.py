"""Is anything wrong, and what wants a decision?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from apps.core.clock import lifecycle_now, now
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.approvals.queries import list_open
from apps.domain.bulk_rotation.queries import list_rollovers, progress_of
from apps.domain.catalog import calendar
from apps.domain.catalog.anomalies import list_anomalies
from apps.domain.catalog.calendar import UpcomingEvent
from apps.domain.catalog.onboarding import get_onboarding_state
from apps.domain.hsm_client.hsm_status import status_of
from apps.domain.hsm_client.queries import open_jobs
from apps.domain.identity.queries import application_names
from apps.domain.security_worlds.queries import list_worlds
from apps.interfaces.console import charts
from apps.interfaces.console.labels import counted
from apps.interfaces.console.security_operations import anomaly_notices
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.onboarding import first_steps
from apps.interfaces.console.templatetags.portal import milliseconds
from apps.usage import queries as usage

_SOON = timedelta(hours=4)  # a request that expires within it


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
        """The cards, the last six hours, what is unusual, the next thirty days, rollovers, who was refused."""
        self.grant()
        moment = now()
        coming = calendar.list_upcoming(principal=self.principal, now=lifecycle_now(), days=30, limit=200)
        approvals = list_open(now=moment)
        cards = [_hsm(), _jobs(moment), _expiring(coming), _approvals(approvals, moment)]
        if request.GET.get("part") == "state":  # what the page asks for every ten seconds
            return self.show(template=f"{self.template}#state", cards=cards)
        names = application_names()
        found = anomaly_notices.lines_of(list_anomalies(now=moment, limit=8), names)
        events = [(event.at, event.what, f"{event.vault}/{event.name}") for event in coming]
        refused = usage.list_denials(now=moment, limit=5)
        last = usage.last_denied(caller_ids=[row.caller_id for row in refused])
        steps = first_steps(get_onboarding_state())
        return self.show(
            cards=cards,
            steps=steps,
            next_step=next((step for step in steps if not step.done), None),
            sentence=_sentence(cards, len(approvals), len(found)),
            chart=charts.operations_chart(usage.per_minute(since=moment - timedelta(hours=6), until=moment)),
            anomalies=found,
            timeline=charts.timeline(events, today=timezone.localdate(moment)),
            coming=coming,
            rollovers=_running(moment),
            refused=[(row, last.get(row.caller_id)) for row in refused],
            names=names,
        )


def _sentence(cards: list[Card], waiting: int, unusual: int) -> str:
    wrong = [card.title for card in cards if card.level == "wrong"]
    parts = ["Needs attention: {}.".format(", ".join(wrong)) if wrong else "All systems operational."]
    if unusual:
        parts.append(f"{counted(unusual, 'anomaly', 'anomalies')}.")
    pending = counted(waiting, "pending approval", "pending approvals") if waiting else "No pending approvals"
    parts.append(f"{pending}.")
    return " ".join(parts)


def _hsm() -> Card:
    worlds = list_worlds()
    found = [status_of(world=world.name) for world in worlds]
    away = [status.world for status in found if not status.serving]
    value = f"{len(found) - len(away)} of {len(found)} security worlds"
    url = reverse("secops:hsm")
    if away:
        detail = "{} does not respond; other worlds are not affected".format(", ".join(away))
        return Card("HSM", value, "wrong", "offline", detail, "What still works", url)
    p99 = max((status.p99 for status in found if status.p99 is not None), default=None)
    details = [", ".join(world.geography for world in worlds), *([f"p99 {milliseconds(p99)}"] if p99 else [])]
    return Card("HSM", value, "ok", "online", " · ".join(details), "View HSMs", url)


def _jobs(moment: datetime) -> Card:
    waiting, oldest, failed = open_jobs(now=moment)
    title, value, url = "HSM jobs", f"{waiting} pending", reverse("secops:hsm") + "#jobs"
    if oldest is not None and moment - oldest > timedelta(minutes=2):
        return Card(title, value, "wrong", "stalled", "the oldest job has been waiting for minutes", "View jobs", url)
    if failed:
        return Card(title, value, "attention", f"{failed} failed today", "", "View jobs", url)
    return Card(title, value, "ok", "no backlog", "", "View jobs", url)


def _expiring(coming: list[UpcomingEvent]) -> Card:
    count = len([event for event in coming if event.what == "expires"])
    title, url = "Expiring in 30 days", reverse("secops:overview") + "#coming"
    if count:
        return Card(title, str(count), "attention", "renew or extend", "", "View expiring", url)
    return Card(title, "0", "ok", "none", "", "View scheduled", url)


def _approvals(approvals: Sequence[ApprovalRequest], moment: datetime) -> Card:
    title, value, url = "Approvals", f"{len(approvals)} pending", reverse("secops:approvals")
    soon = [row for row in approvals if row.expires - moment < _SOON]
    if soon:
        cause = counted(len(soon), "expires soon", "expire soon")
        return Card(title, value, "wrong", cause, "", "Review", url)
    if approvals:
        return Card(title, value, "attention", "to decide", "", "Review", url)
    return Card(title, value, "ok", "none", "", "View history", url)


def _running(moment: datetime) -> list[dict[str, Any]]:
    """Rollovers that are not finished, with how far they are."""
    rows = [row for row in list_rollovers(limit=20) if row.finished is None]
    return [{"row": row, "progress": progress_of(row, now=moment)} for row in rows]
