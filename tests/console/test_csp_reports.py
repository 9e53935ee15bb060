"""Reports of browsers: strangers may send them too, so one is a short line (apps/core/log_limits.py bounds the number)."""

import json

import pytest

from apps.interfaces.console.csp_reports import summary_of


def test_a_report_is_one_line_with_what_was_blocked():
    report = {
        "effective-directive": "script-src",
        "blocked-uri": "https://evil.example/x.js",
        "original-policy": "p" * 999,
    }
    line = summary_of(json.dumps({"csp-report": report}).encode())
    assert line == "effective-directive='script-src' blocked-uri='https://evil.example/x.js'"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff" * 5000, b"[" * 100_000, b"null", b"[]", b'{"csp-report": 1}',
     json.dumps({"csp-report": {"blocked-uri": "a\n\x1b[2J" * 5000, "document-uri": ["b"] * 5000}}).encode()],
)  # fmt: skip
def test_whatever_is_sent_the_line_is_short_and_printable(body):
    line = summary_of(body)
    assert len(line) < 1000
    assert line.isprintable()
