"""Commands in pages and documentation exist, with their options and their number of arguments."""

import re
import shlex

import pytest
import typer
from django.core.management import CommandError, get_commands, load_command_class

from apps.cli.lazy_commands import ALIASES, COMMANDS, load
from apps.cli.main import app
from tests.cli.conftest import ROOT

_PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_SCRIPT = (ROOT / "portal").read_text()
_OF_THE_SCRIPT = {"up", "env", "status", "doctor", "down", "byok", "test", "bench"}  # only ./portal has them
_BEGINS = re.compile(r"(?:[A-Z_]+=\S+ )*((?:\./)?portal |.*manage\.py )(?=[a-z-])")


def in_documentation():
    """The lines of code blocks, and complete commands in sentences: those with an option."""
    for page in _PAGES:
        text = page.read_text()
        yield from (line for line in re.findall(r"`([^`\n]*)`", text) if " --" in line)
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for command in re.split(r";| && | \| |(?:^| )#.*", line):
                    yield command.strip()


def on_pages():
    """The commands that templates contain literally."""
    for template in (ROOT / "templates").rglob("*.html"):
        text = template.read_text()
        for line in re.findall(r"<pre[^>]*>(portal [^<{]*)", text):
            yield from line.splitlines()
        for started, filled_in, rest in re.findall(r'line="(portal [^"]*)"(\|add:[\w.]+)?(?:\|add:"([^"]*)")?', text):
            yield f"{started}{'NAME' if filled_in else ''}{rest}"  # on an empty page


def offered():
    matches = {line for line in (*in_documentation(), *on_pages()) if _BEGINS.match(line)}
    assert len(matches) > 100, "the search finds them"
    assert {line.partition(" ")[0] for line in matches} > {"portal", "./portal"}
    return sorted(matches)


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch):
    """A vault or an address in the environment would replace an option that a line lacks."""
    for name in ("PORTAL_VAULT", "PORTAL_URL", "PORTAL_CA", "PORTAL_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("line", offered())
def test_documented_command_exists(line):
    started = _BEGINS.match(line)
    words = shlex.split(re.split(r" [<>]{1,2} ", line[started.end() :])[0])
    if "manage.py" in started[1] or (started[1] == "./portal " and words[0] == "manage"):
        managed(words if "manage.py" in started[1] else words[1:])
    elif started[1] == "./portal " and words[0] in _OF_THE_SCRIPT:
        assert f"\n./portal {words[0]} " in _SCRIPT
    else:
        taken(words)


def taken(words):
    """The command line accepts them; it raises for an unknown or missing option, or too many arguments."""
    whole = command = typer.main.get_command(app)
    _, words, _ = whole.make_parser(typer.Context(whole)).parse_args(args=words)  # the options before the command
    if not words:  # --version
        return
    name = "portal"
    while hasattr(command, "commands"):
        name = words.pop(0)
        command = load(name) if command is whole else command.commands[name]
    with command.make_context(name, words):
        pass


def managed(words):
    """A management command accepts them."""
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
def test_unknown_option_is_detected(line, problem):
    with pytest.raises((typer.BadParameter.__base__, CommandError)) as refused:
        test_documented_command_exists(line)
    error = refused.value
    assert problem in (str(error) if isinstance(error, CommandError) else error.format_message())


def test_checkout_script_delegates_every_command():
    handed = re.findall(r"[\w-]+", re.search(r"\n    (--ca .*?)\)\n +command_line", _SCRIPT, re.DOTALL)[1])
    whole = typer.main.get_command(app)
    before = {option for parameter in whole.params for option in parameter.opts}
    assert set(handed) == set(COMMANDS) | set(ALIASES) | before
