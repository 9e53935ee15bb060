"""Anomalies as sentences, with one action each."""

from datetime import datetime
from typing import NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.domain.catalog.anomalies import Anomaly, applications_of


class Notice(NamedTuple):
    """A sentence, its level, when it was last so, and one thing to do about it."""

    level: str
    word: str
    text: str
    at: datetime
    action: str
    url: str


def lines_of(anomalies: list[Anomaly], names: dict[str, str]) -> list[Notice]:
    """The same order as they came in."""
    applications = applications_of(anomalies)
    notices = []
    for anomaly in anomalies:
        who = names.get(anomaly.caller, anomaly.caller)
        known = applications.get(anomaly.caller_id)
        page = reverse("secops:application", args=[known.client_id]) if known else reverse("secops:people")
        notices.append(_SENTENCES[anomaly.what](anomaly, who, page))
    return notices


def _refusals(anomaly: Anomaly, who: str, page: str) -> Notice:
    shown = {"who": who, "n": anomaly.count, "usual": f"{anomaly.usual:.1f}".rstrip("0").rstrip(".")}
    text = _("%(who)s was refused %(n)s times in two hours; usually %(usual)s") % shown
    if anomaly.vault:
        text += _(", last %(operation)s in %(vault)s") % {"operation": anomaly.operation, "vault": anomaly.vault}
    return Notice("wrong", _("burst"), f"{text}.", anomaly.at, _("Look at %s") % who, page)


def _first(anomaly: Anomaly, who: str, page: str) -> Notice:
    shown = {"who": who, "vault": anomaly.vault, "operation": anomaly.operation}
    text = _("%(who)s used vault %(vault)s for the first time (%(operation)s).") % shown
    return Notice("attention", _("first time"), text, anomaly.at, _("Look at %s") % who, page)


def _old(anomaly: Anomaly, who: str, page: str) -> Notice:
    del page
    verb = {"KeySign": _("signs"), "KeyEncrypt": _("encrypts"), "KeyWrap": _("wraps")}.get(anomaly.operation, "")
    shown = {"who": who, "verb": verb, "version": anomaly.version[:8], "key": f"{anomaly.vault}/{anomaly.name}"}
    text = _("%(who)s still %(verb)s with version %(version)s of %(key)s, which was rolled since.") % shown
    url = reverse("secops:object", args=[anomaly.vault, "keys", anomaly.name]) + "?tab=usage"
    return Notice("attention", _("old version"), text, anomaly.at, _("Who uses which version"), url)


_SENTENCES = {"refusals": _refusals, "first time": _first, "old version": _old}
