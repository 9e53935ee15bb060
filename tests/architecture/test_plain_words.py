"""Pages and documents are in plain English: phrases that readers stumbled over do not come back."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BANNED = (
    "so many",
    "by itself",
    "by themselves",
    "goes on",
    "stands still",
    "whoever",
    "mend",
    "mended",
    "mends",
    "anew",
    "somebody",
    "became of",
    "take away",
    "take up the duty",
    "nowhere kept",
    "usage log",
    "duty",
    "duties",
)
# Words of source code, comments included, that a reader had to read twice.
BANNED_IN_SOURCE = re.compile(r"\b(said|told|whoever|mend|mends|mended)\b", re.IGNORECASE)
_TEMPLATE_CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<[^>]*>", re.DOTALL)
_QUOTED = re.compile(r'"[^"]*"')
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


def shown(path):
    """What a reader sees: of a template its text and the literals in its tags, of a document its prose."""
    text = path.read_text()
    if path.suffix != ".html":
        return _CODE.sub(" ", text)
    literals = [quoted for code in _TEMPLATE_CODE.findall(text) for quoted in _QUOTED.findall(code)]
    sentences = [quoted for quoted in literals if " " in quoted and "{" not in quoted]
    return "\n".join([_TEMPLATE_CODE.sub(" ", text), *sentences])


PAGES = sorted((ROOT / "templates").rglob("*.html"))
DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]


SOURCES = [
    path
    for folder, pattern in (("apps", "*.py"), ("tests", "*.py"), ("benchmarks", "*.py"), ("static", "portal.js"))
    for path in sorted((ROOT / folder).rglob(pattern))
    if "migrations" not in path.parts and path != Path(__file__)  # a migration that has run must not change
]


def banned_phrases(path):
    text = re.sub(r"\s+", " ", shown(path))
    return set(re.findall(rf"\b({'|'.join(BANNED)})\b", text, re.IGNORECASE))


def named(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


@pytest.mark.parametrize("path", named(PAGES))
def test_a_page_has_no_banned_phrase(path):
    assert banned_phrases(path) == set()


@pytest.mark.parametrize("path", named(DOCUMENTS))
def test_a_document_has_no_banned_phrase(path):
    assert banned_phrases(path) == set()


def test_source_code_has_no_banned_word():
    found = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BANNED_IN_SOURCE.search(line)
    }
    assert found == set()
