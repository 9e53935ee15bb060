"""Reports of violations of the content security policy (CSP Level 3, section 5.3), as one short line."""

import json
from typing import Any

_FIELDS = ("effective-directive", "violated-directive", "blocked-uri", "document-uri", "source-file", "line-number")
_LONGEST_FIELD = 120
_LARGEST_REPORT = 16 * 1024


def summary_of(body: bytes) -> str:
    """The fields that name a violation, each shortened. The text of a stranger: quoted, without line breaks."""
    report = _report(body)
    if report is None:
        return f"unreadable, {len(body)} bytes"
    return " ".join(f"{name}={str(report[name])[:_LONGEST_FIELD]!r}" for name in _FIELDS if name in report)


def _report(body: bytes) -> dict[str, Any] | None:
    try:
        report = json.loads(body[:_LARGEST_REPORT])["csp-report"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    return report if isinstance(report, dict) else None
