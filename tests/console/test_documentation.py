"""The documents: their pictures are of these pages, small enough to load, and each is shown; every link leads somewhere.

documentation_pictures.py takes them.
"""

import re
from pathlib import Path

import pytest

from tests.support.documentation import PICTURES, assert_plausible

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def shown():
    """Every picture that a document shows."""
    return {
        (document.parent / target).resolve()
        for document in DOCUMENTS
        for target in LINK.findall(document.read_text())
        if target.endswith(".png")
    }


def anchors(document):
    """Its headings, as GitHub and GitLab make addresses of them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document):
    for target in LINK.findall(document.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_picture_is_shown_and_plausible():
    kept = set(PICTURES.glob("*"))
    assert kept == shown()
    for path in kept:
        assert_plausible(path)


def test_every_document_is_in_the_list():
    """A reader finds every page from the list of pages."""
    listed = set(LINK.findall((ROOT / "docs" / "README.md").read_text()))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= listed
