"""Labels of values of the domain that are not shown as they are stored: states, kinds, events, jobs."""

_LABELS = {
    "pending": "creating",
    # Roles of people
    "security-operations": "security operations",
    # Scheduled changes
    "is purged": "purged",
    # Kinds and stages of rollovers
    "bulk": "bulk rotation",
    "staged": "rollover",
    "emergency": "emergency rollover",
    "begun": "in the HSM",
    "left": "left out",
    "is renewed": "renewed",
    "is reported": "reported to contacts",
    # Jobs
    "hsm.generate_key": "Create key",
    "hsm.create_vault_key": "Create vault key",
    "hsm.create_signing_key": "Create token key",
    "hsm.make_certificate": "Create certificate",
    "hsm.create_issuing_authority": "Create issuing CA",
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
    "ok": {"enabled", "active", "online", "allowed", "ready", "done", "approved", "used"},
    "attention": {"disabled", "unused", "pending", "running", "open"},
    "wrong": {"frozen", "offline", "denied", "failed", "suspended"},
}


def word(value: str) -> str:
    """The label of a value of the domain; a value without one is shown as it is."""
    return _LABELS.get(value, value)


def counted(count: int, one: str, many: str, shown: str = "") -> str:
    """`1 log is`, `3 logs are`; `shown` in place of the number itself."""
    return f"{shown or count} {one if count == 1 else many}"


def browser(user_agent: str) -> str:
    """`Firefox, Linux`; an unknown user agent is shortened."""
    found = [next((name for mark, name in known if mark in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or user_agent[:60] or "\N{EN DASH}"


def level(value: str) -> str:
    """The level of a state: ok, attention, wrong or none."""
    return next((name for name, states in _LEVELS.items() if value in states), "none")
