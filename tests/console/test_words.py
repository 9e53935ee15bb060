"""Words that are shown for values of the domain, and what empty pages offer."""

import re
from pathlib import Path

import pytest

from apps.interfaces.console import labels

TEMPLATES = Path(__file__).parents[2] / "templates" / "portal"


def test_what_an_empty_page_offers_security_operations_is_a_command_of_theirs():
    pages = {path.name: path.read_text() for path in (TEMPLATES / "secops").rglob("*.html")}
    offered = {name: re.findall(r'line="portal (\S+ \w+)', text) for name, text in pages.items()}
    assert offered["rollovers.html"] == ["bulk-rotation start"]
    assert offered["vault.html"] == ["key create"], "people make no certificates, and this duty sets no secrets"


def test_a_state_looks_as_bad_as_it_is():
    assert [labels.level(state) for state in ("done", "disabled", "failed", "paused", "what nobody knows")] == [
        "ok",
        "attention",
        "wrong",
        "none",
        "none",
    ]


@pytest.mark.parametrize(("count", "text"), [(0, "0 logs"), (1, "1 log"), (2, "2 logs")])
def test_a_number_has_its_noun(count, text):
    assert labels.counted(count, "log", "logs") == text
