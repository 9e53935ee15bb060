"""What pages and documentation offer as a command is one: its words, its options, and as many names as it takes."""

import re
import shlex

import pytest
import typer
from django.core.management import CommandError, get_commands, load_command_class

from apps.cli.loading import COMMANDS, load
from apps.cli.main import app
from tests.cli.conftest import ROOT

_PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_SCRIPT = (ROOT / "portal").read_text()
_OF_THE_SCRIPT = {"up", "env", "status", "doctor", "down", "byok", "test", "bench"}  # ./portal alone has them
_BEGINS = re.compile(r"(?:[A-Z_]+=\S+ )*((?:\./)?portal |.*manage\.py )(?=[a-z-])")


def in_documentation():
    """The lines of code blocks, and whole commands in sentences: those with an option."""
    for page in _PAGES:
        text = page.read_text()
        yield from (line for line in re.findall(r"`([^`\n]*)`", text) if " --" in line)
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for command in re.split(r";| && | \| |(?:^| )#.*", line):
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
    found = {line for line in (*in_documentation(), *on_pages()) if _BEGINS.match(line)}
    assert len(found) > 100, "they are found"
    assert {line.partition(" ")[0] for line in found} > {"portal", "./portal"}
    return sorted(found)


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch):
    """A vault or an address in the environment would stand for an option that a line lacks."""
    for name in ("PORTAL_VAULT", "PORTAL_URL", "PORTAL_CA", "PORTAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("line", offered())
def test_an_offered_command_is_one(line):
    begun = _BEGINS.match(line)
    words = shlex.split(re.split(r" [<>]{1,2} ", line[begun.end() :])[0])
    if "manage.py" in begun[1] or (begun[1] == "./portal " and words[0] == "manage"):
        managed(words if "manage.py" in begun[1] else words[1:])
    elif begun[1] == "./portal " and words[0] in _OF_THE_SCRIPT:
        assert f"\n./portal {words[0]} " in _SCRIPT
    else:
        taken(words)


def taken(words):
    """The command line takes them; it raises for an option that there is not, that is missing, or a name too many."""
    whole = command = typer.main.get_command(app)
    _, words, _ = whole.make_parser(typer.Context(whole)).parse_args(args=words)  # what stands in front
    if not words:  # --version
        return
    name = "portal"
    while hasattr(command, "commands"):
        name = words.pop(0)
        command = load(name) if command is whole else command.commands[name]
    with command.make_context(name, words):
        pass


def managed(words):
    """A management command takes them."""
    command = load_command_class(get_commands()[words[0]], words[0])
    command.create_parser("manage.py", words[0]).parse_args(words[1:])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("portal audit search --lost 90d", "No such option"),
        ("portal --lost ca.pem login", "No such option"),
        ("./portal run --secret DB=database -- ./server", "Missing option '--vault'"),
        ("./portal manage invite --lost", "unrecognized arguments"),
    ],
)
def test_what_there_is_not_is_found(line, problem):
    with pytest.raises((typer.BadParameter.__base__, CommandError)) as refused:
        test_an_offered_command_is_one(line)
    error = refused.value
    assert problem in (str(error) if isinstance(error, CommandError) else error.format_message())


def test_the_script_hands_over_every_command_and_what_stands_in_front():
    handed = re.findall(r"[\w-]+", re.search(r"\n    (--ca .*?)\)\n +command_line", _SCRIPT, re.DOTALL)[1])
    whole = typer.main.get_command(app)
    before = {option for parameter in whole.params for option in parameter.opts}
    assert set(handed) == set(COMMANDS) | before
