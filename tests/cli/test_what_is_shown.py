"""What pages and documentation offer as a command is one: its words, its options, and as many names as it takes."""

import re
import shlex

import pytest
import typer

from apps.cli.loading import load
from apps.cli.main import app
from tests.cli.conftest import ROOT

_OF_EACH_DUTY = ("command-line", "developers", "auditors", "security-operations", "operator")


def in_documentation():
    """The lines of code blocks."""
    for page in _OF_EACH_DUTY:
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / f"{page}.md").read_text(), re.DOTALL):
            for line in block.splitlines():
                for command in re.split(r";| \| | #.*", line):
                    yield command.strip()


def on_pages():
    """Those in templates that stand there as they are."""
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        for line in re.findall(r"<pre[^>]*>(portal [^<{]*)", text):
            yield from line.splitlines()
        for begun, filled_in, rest in re.findall(r'line="(portal [^"]*)"(\|add:[\w.]+)?(?:\|add:"([^"]*)")?', text):
            yield f"{begun}{'NAME' if filled_in else ''}{rest}"  # of an empty page


def offered():
    found = {line for line in (*in_documentation(), *on_pages()) if re.match(r"portal [a-z]", line)}
    assert len(found) > 50, "they are found"
    return sorted(found)


@pytest.mark.parametrize("line", offered())
def test_an_offered_command_is_one(line):
    _portal, *words = shlex.split(re.split(" [<>] ", line)[0])
    whole = command = typer.main.get_command(app)
    name = "portal"
    while hasattr(command, "commands"):
        name = words.pop(0)
        command = load(name) if command is whole else command.commands[name]
    with command.make_context(name, words):  # raises for an option that there is not, or a name too many
        pass


def test_an_option_that_there_is_not_is_found():
    with pytest.raises(Exception, match="No such option"):
        test_an_offered_command_is_one("portal audit search --lost 90d")
