"""Words of the domain as people read them, in their language: states, kinds, events, jobs.

The domain's own values stay what they are in rows, on the wire and in records; only what is shown passes through here.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_WORDS: dict[str, Promise] = {
    # States of objects, vaults, applications, people
    "enabled": _("enabled"),
    "disabled": _("disabled"),
    "deleted": _("deleted"),
    "expired": _("expired"),
    "active": _("active"),
    "stopped": _("stopped"),
    "unused": _("unused"),
    "valid": _("valid"),
    "its only one": _("its only one"),
    "frozen": _("frozen"),
    "serving": _("serving"),
    "away": _("away"),
    "allowed": _("allowed"),
    "denied": _("denied"),
    "pending": _("being made"),
    "ready": _("ready"),
    "current": _("current"),
    # What came of trying, comparing, explaining
    "it works": _("it works"),
    "refused": _("refused"),
    "both changed": _("both changed"),
    "it would be allowed now": _("it would be allowed now"),
    "still refused": _("still refused"),
    "does not open": _("does not open"),
    # States of jobs, rollovers, requests
    "queued": _("queued"),
    "running": _("running"),
    "paused": _("paused"),
    "done": _("done"),
    "failed": _("failed"),
    "cancelled": _("cancelled"),
    "open": _("open"),
    "approved": _("approved"),
    "rejected": _("rejected"),
    "used": _("used"),
    "withdrawn": _("withdrawn"),
    # How a log is
    "as signed": _("as signed"),
    "first round": _("first round"),
    "wrong": _("wrong"),
    "stands still": _("stands still"),
    "empty": _("empty"),
    # How far the delivery of a log is
    "not running": _("not running"),
    "failing": _("failing"),
    "late": _("late"),
    "delivering": _("delivering"),
    "nothing delivered yet": _("nothing delivered yet"),
    # Duties, and the session of this browser
    "security-operations": _("security operations"),
    "developer": _("developer"),
    "auditor": _("auditor"),
    "this one": _("this one"),
    # Kinds of objects
    "keys": _("keys"),
    "secrets": _("secrets"),
    "certificates": _("certificates"),
    "vaults": _("vaults"),
    "applications": _("applications"),
    "people": _("people"),
    # What comes by itself
    "expires": _("expires"),
    "rotates": _("rolls"),
    "is purged": _("is purged"),
    # Jobs
    "hsm.generate_key": _("make a key"),
    "hsm.create_vault_key": _("make a vault's key"),
    "hsm.create_signing_key": _("make a token key"),
    "hsm.make_certificate": _("make a certificate"),
    "hsm.create_issuing_authority": _("make an issuing authority"),
}
# What a browser says of itself is long and names its competitors: the first of these that is in it is meant.
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
    """The word for a value of the domain; a value without one is shown as it is."""
    return str(_WORDS.get(value, value))


def browser(user_agent: str) -> str:
    """`Firefox, Linux`; what is neither a known browser nor a known system is shown as it is, shortened."""
    found = [next((name for mark, name in known if mark in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or user_agent[:60] or "\N{EN DASH}"


def level(value: str) -> str:
    """How a state looks: ok, attention, wrong or none."""
    return next((name for name, states in _LEVELS.items() if value in states), "none")
