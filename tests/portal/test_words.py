"""Words that are shown can be translated, and every state that rows have has one."""

import re
from pathlib import Path

import pytest
from django.utils.functional import Promise

from apps.domain.approvals.models import ApprovalRequest
from apps.domain.bulk_rotation.models import Rollover
from apps.domain.catalog.queries import KINDS
from apps.domain.hsm_client.models import Job
from apps.domain.vaults.models import Vault
from apps.interfaces.console import labels

TEMPLATES = Path(__file__).parents[2] / "templates" / "portal"


def shown():
    """Every text that a template gives to a pill as it is."""
    for path in TEMPLATES.rglob("*.html"):
        for text in re.findall(r'{% pill "\w+" "([^"]+)" %}', path.read_text()):
            yield f"{path.name}: {text}", text


@pytest.mark.parametrize("text", [pytest.param(text, id=where) for where, text in shown()])
def test_a_pill_says_a_word_that_can_be_translated(text):
    assert isinstance(labels._WORDS.get(text), Promise)


@pytest.mark.parametrize(
    "value",
    [*Job.State.values, *Rollover.State.values, *ApprovalRequest.State.values, *Vault.State.values, *KINDS],
)
def test_every_state_and_kind_has_a_word(value):
    assert isinstance(labels._WORDS[value], Promise)


def test_what_an_empty_page_offers_security_operations_is_a_command_of_theirs():
    pages = {path.name: path.read_text() for path in (TEMPLATES / "secops").rglob("*.html")}
    offered = {name: re.findall(r'line="portal (\w+ \w+)', text) for name, text in pages.items()}
    assert offered["rollovers.html"] == ["rollover begin"]
    assert offered["vault.html"] == ["key create"], "people make no certificates, and this duty sets no secrets"


def test_a_state_looks_as_bad_as_it_is():
    assert [labels.level(state) for state in ("done", "disabled", "failed", "paused", "what nobody knows")] == [
        "ok",
        "attention",
        "wrong",
        "none",
        "none",
    ]
