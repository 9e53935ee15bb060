"""Checks a page in every theme and on a narrow screen, from one load.

Drawing a whole page costs more than half a test does: pictures are made with PICTURES_DIR alone. Whether something is cut
off is checked always. Axe takes as long: it checks a page that has something new, which no page before it had.
"""

import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT

PICTURES = Path(os.environ["PICTURES_DIR"]) if "PICTURES_DIR" in os.environ else None
THEMES = ("light", "dark", "contrast")
VIOLATIONS = {"resultTypes": ["violations"]}
# A theme changes colours alone: what axe has to say of the rest, it says of the first.
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
# Elements as axe's rules tell them apart, texts aside: tag, classes, roles and names of attributes, and their parents'.
KINDS = """
  const own = (element) => [element.tagName, element.className?.baseVal ?? element.className, element.getAttribute("role"),
    ...element.getAttributeNames()].join(" ");
  const kind = (element) => `${own(element.parentElement)} > ${own(element)}`;
"""
ELEMENTS = f"() => {{ {KINDS} return [...new Set([...document.querySelectorAll('html *')].map(kind))]; }}"
# Of the rows and sections of a page that are alike, the first stands for all.
FIND_VIOLATIONS = f"""async (options) => {{ {KINDS}
  const seen = new Set();
  const alike = [...document.querySelectorAll("tbody > tr, main section")].filter((row) => {{
    const kinds = [row, ...row.querySelectorAll("*")].map(kind);
    const nothingNew = kinds.every((one) => seen.has(one));
    kinds.forEach((one) => seen.add(one));
    return nothingNew;
  }});
  const found = await axe.run(alike.length ? {{ exclude: alike }} : document, options);
  return found.violations.map((one) => [one.id, one.help, one.nodes.slice(0, 4).map((node) => node.html.slice(0, 160))]);
}}"""
_checked = set()


def _is_new(page, options):
    """Whether the page, or an element of it, was not checked yet in this theme."""
    theme = page.evaluate("document.documentElement.dataset.theme")
    path = re.sub(r"[^/]*\d[^/]*", "*", urlsplit(page.url).path)  # names of objects that tests make have digits
    found = {(str(options), theme, part) for part in (path, *page.evaluate(ELEMENTS))}
    new = found - _checked
    _checked.update(found)
    return bool(new)


def accessible(page, options=VIOLATIONS):
    """Axe finds nothing against the page."""
    if not _is_new(page, options):
        return
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate(FIND_VIOLATIONS, options)
    assert not found, json.dumps(found, indent=1)


def picture(page, name):
    """The whole page as it is, when pictures are wanted."""
    if PICTURES:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def look_at(page, name):
    """Pictures of the page that is open (`name` and the theme, or 390); axe finds nothing, nothing is cut off."""
    page.emulate_media(reduced_motion="reduce")  # or a colour is read on its way to the next
    for theme in THEMES:
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        picture(page, f"{name}-{theme}")
        accessible(page, COLOURS if theme != THEMES[0] else VIOLATIONS)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", THEMES[0])
    usual = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, f"{name}-390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size(usual)
