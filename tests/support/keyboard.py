"""People without a mouse: Tab to what they want, seeing where they are, and Enter."""

import pytest


def tab_to(page, target, most=80):
    """Press Tab until the thing has the focus, which must be seen."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            outline = target.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", "the focus is not seen"
            return
        page.keyboard.press("Tab")
    pytest.fail("the keyboard does not reach it")


def press(page, target):
    """Reach a link or a button, and press it."""
    tab_to(page, target)
    page.keyboard.press("Enter")
    page.wait_for_load_state()


def fill(page, target, text):
    """Reach a field and type."""
    tab_to(page, target)
    page.keyboard.type(text)
