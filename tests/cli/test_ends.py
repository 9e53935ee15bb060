"""How a command ends: one sentence, an exit code, JSON where it was asked for, and never a traceback."""

import json
import os
import signal
import subprocess
import sys

import pytest

from apps.cli.loading import COMMANDS, load
from apps.cli.problems import Exit
from tests.cli.conftest import ROOT, Terminal, program

WITHOUT_JSON = {
    "portal run": "its output is the program's",
    "portal completion": "a shell reads it",
    "portal audit verify": "the verifier's own option",
}


def commands(name, command):
    """(its words, itself) of each command below."""
    if not hasattr(command, "commands"):
        yield f"portal {name}", command
        return
    for word, below in command.commands.items():
        yield from commands(f"{name} {word}", below)


ALL = [found for name in COMMANDS for found in commands(name, load(name))]


@pytest.fixture
def terminal(tmp_path):
    return Terminal(tmp_path, program())


@pytest.mark.parametrize(("words", "command"), ALL, ids=[words for words, _ in ALL])
def test_each_command_explains_itself_and_takes_json(capsys, words, command):
    command.main(["--help"], prog_name=words, standalone_mode=False)
    helped = capsys.readouterr().out
    assert helped.startswith(f"Usage: {words} ")
    assert ("--json" in helped) == (words not in WITHOUT_JSON or words == "portal audit verify")
    assert command.help


def test_there_are_as_many_as_are_told():
    assert len(ALL) >= 60


def test_a_line_about_each_fits_a_narrow_terminal(terminal):
    shown = terminal.run("--help", COLUMNS="72").stdout
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in shown
        assert line in shown


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["key", "list", "--vault", "x"], Exit.NOT_SIGNED_IN),
        (["key", "list"], Exit.USAGE),
        (["key", "destroy"], Exit.USAGE),
        (["key", "list", "--vault", "x", "--lost"], Exit.USAGE),
        (["key", "show", "x", "--vault", "x", "--version", "../../secrets/y"], Exit.USAGE),
        (["key", "show", "", "--vault", "x"], Exit.USAGE),
        (["--ca", "/etc", "key", "list", "--vault", "x"], Exit.USAGE),
        (["login", "--portal", "https://["], Exit.USAGE),
        (["login", "--portal", "https://portal.x:abc"], Exit.USAGE),
        (["login", "--portal", "https://portal.a b"], Exit.USAGE),
        (["login", "--portal", "https://portal.vault.localhost:1"], Exit.UNAVAILABLE),
        (["audit", "verify", "/none", "--vkey", "k", "--verifier", "/none"], Exit.USAGE),
        (["--profile", "../x", "whoami"], Exit.USAGE),
    ],
)
def test_a_failure_is_a_sentence_or_with_json_an_object_and_nothing_on_standard_output(terminal, words, code):
    told = terminal.run(*words, code=code)
    assert told.stdout == ""
    assert told.stderr.strip().endswith((".", "login --application", "?", ")"))
    as_json = terminal.run(*words, "--json", code=code)
    assert as_json.stdout == ""
    error = json.loads(as_json.stderr.splitlines()[-1])["error"]
    assert error["exit_code"] == code
    assert error["message"] in told.stderr


def test_json_behind_the_programs_own_dashes_is_the_programs(terminal):
    told = terminal.run("run", "--vault", "x", "-s", "A=b", "--", "true", "--json", code=3).stderr
    assert told.startswith("Nobody has signed in")


def test_a_reader_that_has_gone_ends_it_without_a_word(terminal):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*terminal.program, "audit", "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_what_cannot_be_written_is_said(terminal):
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device
        done = subprocess.run(
            [*terminal.program, "audit", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "Standard output: No space left on device.\n")


def test_an_account_without_a_home_signs_in_by_its_environment_alone(terminal):
    """As in a container under a number that no list of accounts has."""
    code = "import os, sys; os.setgid(54321); os.setuid(54321); sys.argv[0] = 'portal';"
    code += f"sys.path.insert(0, {str(ROOT)!r}); from apps.cli.main import main; main()"
    for words, told in ((["whoami"], "Nobody has signed in"), (["login", "--portal", "https://portal.x"], "")):
        command = [sys.executable, "-P", "-c", code, *words]
        environment = {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        assert told in done.stderr


def test_a_word_that_is_no_text_is_a_mistake_of_usage(terminal):
    given = {"PORTAL_USERNAME": "x", "PORTAL_PASSWORD": "y", "PORTAL_URL": "https://portal.vault.localhost:1"}
    terminal.run("key", "show", "\udcff", "--vault", "x", code=Exit.USAGE, **given)


def test_a_terminal_that_has_few_characters_gets_sound_json(terminal):
    done = terminal.run("whoami", "--profile", "ä", "--json", code=Exit.USAGE, LC_ALL="C", PYTHONIOENCODING="latin-1")
    assert done.stderr.isascii()
    json.loads(done.stderr)


def test_help_needs_no_network_code(terminal):
    looked = (
        "import sys; from apps.cli import main, loading; print([n for n in ('ssl', 'http.client') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", looked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
