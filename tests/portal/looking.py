"""Looking at a page: in every theme and on a narrow screen, from one load."""

import json

from axe_playwright_python.sync_playwright import Axe

THEMES = ("light", "dark", "contrast")
VIOLATIONS = {"resultTypes": ["violations"]}
# A theme changes colours alone: what axe has to say of the rest, it says of the first.
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}


def accessible(page, options=VIOLATIONS):
    """Axe finds nothing against the page."""
    found = Axe().run(page, options=options).response["violations"]
    shown = [(row["id"], row["help"], [node["html"][:160] for node in row["nodes"][:4]]) for row in found]
    assert not found, json.dumps(shown, indent=1)


def look_at(page, path):
    """Pictures of the page that is open (`path` and the theme, or 390); axe finds nothing, nothing is cut off."""
    page.emulate_media(reduced_motion="reduce")  # or a colour is read on its way to the next
    for theme in THEMES:
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        page.screenshot(path=f"{path}-{theme}.png", full_page=True)
        accessible(page, COLOURS if theme != THEMES[0] else VIOLATIONS)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", THEMES[0])
    usual = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=f"{path}-390.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size(usual)
