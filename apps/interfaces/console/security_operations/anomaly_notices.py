"""Anomalies as sentences, with one action each."""

from datetime import datetime
from typing import NamedTuple

from django.urls import reverse

from apps.audit_log.operation_names import Operation
from apps.domain.catalog.anomalies import Anomaly, map_applications


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
    applications = map_applications(anomalies)
    notices = []
    for anomaly in anomalies:
        who = names.get(anomaly.caller, anomaly.caller)
        known = applications.get(anomaly.caller_id)
        page = reverse("secops:application", args=[known.client_id]) if known else reverse("secops:people")
        notices.append(_SENTENCES[anomaly.what](anomaly, who, page))
    return notices


def _refusals(anomaly: Anomaly, who: str, page: str) -> Notice:
    usual = f"{anomaly.usual:.1f}".rstrip("0").rstrip(".")
    text = f"{who}: {anomaly.count} denied requests in two hours; usually {usual}"
    if anomaly.vault:
        text += f", last {anomaly.operation} in {anomaly.vault}"
    return Notice("wrong", "denial spike", f"{text}.", anomaly.at, f"View {who}", page)


def _first(anomaly: Anomaly, who: str, page: str) -> Notice:
    text = f"{who} used vault {anomaly.vault} for the first time ({anomaly.operation})."
    return Notice("attention", "new caller", text, anomaly.at, f"View {who}", page)


def _old(anomaly: Anomaly, who: str, page: str) -> Notice:
    del page
    verbs: dict[str, str] = {
        Operation.KEY_SIGN: "signs",
        Operation.KEY_ENCRYPT: "encrypts",
        Operation.KEY_WRAP: "wraps",
    }
    key = f"{anomaly.vault}/{anomaly.name}"
    verb = verbs.get(anomaly.operation, "")
    text = f"{who} still {verb} with version {anomaly.version[:8]} of {key}, which has since been rotated."
    url = reverse("secops:object", args=[anomaly.vault, "keys", anomaly.name]) + "?tab=usage"
    return Notice("attention", "old version", text, anomaly.at, "Usage by version", url)


_SENTENCES = {"refusals": _refusals, "first time": _first, "old version": _old}
