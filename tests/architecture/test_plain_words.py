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
