"""Labels of values of the domain that are not shown as they are stored: states, kinds, events, jobs."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_LABELS: dict[str, Promise] = {
    "pending": _("being made"),
    "security-operations": _("security operations"),
    "rotates": _("rolls"),
    "hsm.generate_key": _("make a key"),
    "hsm.create_vault_key": _("make a vault's key"),
    "hsm.create_signing_key": _("make a token key"),
    "hsm.make_certificate": _("make a certificate"),
    "hsm.create_issuing_authority": _("make an issuing authority"),
}
# A user agent names its competitors too: the first of these that is in it is meant.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
_LEVELS = {
    "ok": {"enabled", "active", "serving", "allowed", "ready", "done", "approved", "used"},
    "attention": {"disabled", "unused", "pending", "running", "open"},
    "wrong": {"frozen", "away", "denied", "failed", "stopped"},
}


def word(value: str) -> str:
    """The label of a value of the domain; a value without one is shown as it is."""
    return str(_LABELS.get(value, value))


def browser(user_agent: str) -> str:
    """`Firefox, Linux`; an unknown user agent is shortened."""
    found = [next((name for mark, name in known if mark in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or user_agent[:60] or "\N{EN DASH}"


def level(value: str) -> str:
    """The level of a state: ok, attention, wrong or none."""
    return next((name for name, states in _LEVELS.items() if value in states), "none")
