"""The weekly review of what the rules find: each item with its evidence, a note and a sign-off."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit_reader import review_rules, reviews
from apps.audit_reader.review_items import MOST, ReviewItem
from apps.audit_reader.reviews import Reviewed
from apps.audit_reader.search_params import YEARS, InvalidSearch, format_search
from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.permissions import Permission
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.labels import counted

RULE_TEXTS: dict[str, tuple[str, str]] = {
    "unrecorded": (
        "Change without a record",
        "a role, credential, person, session, approval or setting was written to the database without an audit record",
    ),
    "stop": ("Break-glass", "a vault was frozen or unfrozen; an application or a person was suspended or reactivated"),
    "reveal": ("Secrets revealed", "a person viewed secret values"),
    "burst": ("Denial spike", "one caller, ten or more denials within an hour"),
    "policy": (
        "Access or policy changed",
        "roles, groups, people, vault settings, log destinations, release policies",
    ),
    "night": ("Off hours", "management between 20:00 and 06:00 UTC, or at a weekend"),
    "first": ("First-time caller", "never seen in this vault before"),
}
_AROUND = 100.53  # 2 pi 16: the campaign's ring


@dataclass(frozen=True, slots=True)
class Shown:
    """An item with its texts."""

    row: Reviewed
    rule: str
    why: str
    vault: str
    caller: str
    address: str


class ReviewQueue(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ, "post": Permission.AUDIT_REVIEW}
    section = "auditors:queue"
    template = "portal/auditors/queue.html"
    require_reauth = True  # a sign-off wants to be somebody's

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the items of a week and the number of those that are signed."""
        week = _week(request.GET.get("week", ""))
        rows = reviews.list_review_queue(grant=self.grant(), week=week)
        return self.show(**self._context(week, rows, _rule(request.GET.get("rule", ""))))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Sign an item off."""
        week = _week(request.POST.get("week", ""))
        reviews.sign(
            grant=self.grant(),
            week=week,
            key=request.POST.get("item", ""),
            verdict=request.POST.get("verdict", ""),
            note=request.POST.get("note", ""),
            now=now(),
        )
        return self.redirect_with_success("Review saved.", self._here())

    def redirect_with_error(self, error: VaultError) -> HttpResponse:
        """To the week that the form was for."""
        answer = super().redirect_with_error(error)
        answer["Location"] = self._here()
        return answer

    def _here(self) -> str:
        """The page of the week and the rule of the submitted form."""
        week, rule = _week(self.request.POST.get("week", "")), _rule(self.request.POST.get("rule", ""))
        return f"{self.request.path}?week={week}" + (f"&rule={rule}" if rule else "")

    def _context(self, week: date, rows: Sequence[Reviewed], rule: str) -> dict[str, Any]:
        full = _full(Counter(row.item.rule for row in rows))
        rows = _at_most(rows)
        waits = Counter(row.item.rule for row in rows if row.review is None)
        found = Counter(row.item.rule for row in rows)
        signed = sum(row.review is not None for row in rows)
        escalated = sum(row.review is not None and row.review.verdict == "escalated" for row in rows)
        share = signed / len(rows) if rows else 1.0
        waiting = len(rows) - signed
        return {
            "items": [self._shown(row) for row in rows if rule in ("", row.item.rule)],
            "rule": rule,
            "rules": [(name, label, waits[name]) for name, (label, _why) in RULE_TEXTS.items() if found[name]],
            "week": week,
            "end": week + timedelta(days=6),
            "earlier": week - review_rules.WEEK,
            "later": week + review_rules.WEEK if week + review_rules.WEEK <= review_rules.week_of(now()) else None,
            "full": full,
            "most": MOST,
            "signed": signed,
            "escalated": escalated,
            "total": len(rows),
            "percent": round(100 * share),
            "dash": f"{_AROUND * share:.2f} {_AROUND:.2f}",
            "sentence": f"{counted(waiting, 'item', 'items')} to review."
            if waiting
            else "All items of this week are reviewed."
            if rows
            else "Nothing to review.",
        }

    def _shown(self, row: Reviewed) -> Shown:
        item = row.item
        rule, why = RULE_TEXTS[item.rule]
        return Shown(
            row,
            rule,
            why,
            vault=self.names.vault(item.log_id),
            caller=self.names.caller(item.caller),
            address=self._address(item),
        )

    def _address(self, item: ReviewItem) -> str:
        query = {
            "vault": self.names.parameter(item.log_id),
            "caller": item.caller,
            "operation": item.operation,
            "status": item.status,
            "from": format_search(item.since),
            "to": format_search(item.until),
        }
        return f"{reverse('auditors:records')}?{urlencode({name: value for name, value in query.items() if value})}"


def _full(found: Mapping[str, int]) -> list[str]:
    """The rules that found more than the page shows."""
    return [RULE_TEXTS[name][0] for name, count in found.items() if count > MOST]


def _at_most(rows: Sequence[Reviewed]) -> list[Reviewed]:
    """The first `MOST` of each rule."""
    seen: Counter[str] = Counter()
    first = []
    for row in rows:
        seen[row.item.rule] += 1
        if seen[row.item.rule] <= MOST:
            first.append(row)
    return first


def _week(text: str) -> date:
    """The Monday of the week that an address names; without one, this week's. Raises `InvalidSearch`."""
    if not text:
        return review_rules.week_of(now())
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidSearch("week is a day such as 2026-11-23.") from None
    if day.year not in YEARS:
        raise InvalidSearch(f"week is not in the years {YEARS[0]} to {YEARS[-1]}.")
    return day - timedelta(days=day.weekday())


def _rule(text: str) -> str:
    """The rule that an address names; "" for all."""
    return text if text in RULE_TEXTS else ""
