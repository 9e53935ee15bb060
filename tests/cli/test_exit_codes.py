"""How a command ends: one sentence, an exit code, JSON if requested, and never a traceback."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apps.cli.errors import ExitCode
from apps.cli.lazy_commands import COMMANDS, load
from tests.cli.conftest import ROOT, Terminal, program

WITHOUT_JSON = {
    "portal run": "its output is the program's",
    "portal completion": "a shell reads it",
    "portal agent": "it serves until it is ended",
    "portal audit verify": "the verifier's own option",
}


def commands(name, command):
    """(full name, command) of each command below this one."""
    if not hasattr(command, "commands"):
        yield f"portal {name}", command
        return
    for word, below in command.commands.items():
        yield from commands(f"{name} {word}", below)


ALL = [matches for name in COMMANDS for matches in commands(name, load(name))]


@pytest.fixture
def terminal(tmp_path):
    return Terminal(tmp_path, program())


@pytest.mark.parametrize(("words", "command"), ALL, ids=[words for words, _ in ALL])
def test_each_command_has_help_and_json(capsys, words, command):
    command.main(["--help"], prog_name=words, standalone_mode=False)
    helped = capsys.readouterr().out
    assert helped.startswith(f"Usage: {words} ")
    assert ("--json" in helped) == (words not in WITHOUT_JSON or words == "portal audit verify")
    assert command.help


def test_all_commands_are_covered():
    assert len(ALL) >= 60


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("refusals", "denials"),
        ("bulk-rotation begin", "bulk-rotation start"),
        ("access grant", "access assign"),
        ("log keep", "log retention"),
        ("person disable", "person suspend"),
        ("person enable", "person reactivate"),
    ],
)
def test_old_name_is_a_hidden_alias(terminal, old, new):
    *group, word = old.split()
    assert f"  {word} " not in terminal.run(*group, "--help").stdout
    old_help, new_help = (terminal.run(*words.split(), "--help").stdout for words in (old, new))
    assert old_help.split("\n")[1:] == new_help.split("\n")[1:]


def test_old_option_of_an_invitation_is_accepted(terminal):
    terminal.run("person", "invite", "--duty", "auditor", code=ExitCode.NOT_SIGNED_IN)
    terminal.run("person", "invite", code=ExitCode.USAGE)
    assert "--duty" not in terminal.run("person", "invite", "--help").stdout


def test_help_fits_a_narrow_terminal(terminal):
    shown = terminal.run("--help", COLUMNS="72").stdout
    for name, (_, line) in COMMANDS.items():
        assert f"  {name} " in shown
        assert line in shown


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["key", "list", "--vault", "x"], ExitCode.NOT_SIGNED_IN),
        (["key", "list"], ExitCode.USAGE),
        (["key", "destroy"], ExitCode.USAGE),
        (["key", "list", "--vault", "x", "--lost"], ExitCode.USAGE),
        (["key", "show", "x", "--vault", "x", "--version", "../../secrets/y"], ExitCode.USAGE),
        (["key", "show", "", "--vault", "x"], ExitCode.USAGE),
        (["--ca", "/etc", "key", "list", "--vault", "x"], ExitCode.USAGE),
        (["login", "--portal", "https://["], ExitCode.USAGE),
        (["login", "--portal", "https://portal.x:abc"], ExitCode.USAGE),
        (["login", "--portal", "https://portal.a b"], ExitCode.USAGE),
        (["login", "--portal", "https://portal.vault.localhost:1"], ExitCode.UNAVAILABLE),
        (["audit", "verify", "/none", "--vkey", "k", "--verifier", "/none"], ExitCode.USAGE),
        (["--profile", "../x", "whoami"], ExitCode.USAGE),
    ],
)
def test_error_is_a_sentence_or_json_on_standard_error(terminal, words, code):
    output = terminal.run(*words, code=code)
    assert output.stdout == ""
    assert output.stderr.strip().endswith((".", "login --application", "?", ")"))
    as_json = terminal.run(*words, "--json", code=code)
    assert as_json.stdout == ""
    error = json.loads(as_json.stderr.splitlines()[-1])["error"]
    assert error["exit_code"] == code
    assert error["message"] in output.stderr
    assert not terminal.profile.parent.exists(), "a failed command stores nothing"


def test_json_after_double_dash_belongs_to_the_program(terminal):
    output = terminal.run("run", "--vault", "x", "-s", "A=b", "--", "true", "--json", code=3).stderr
    assert output.startswith("You are not signed in")


def open_closed_pipe(mode):
    reading, writing = os.pipe()
    os.close(reading)
    return open(writing, mode)  # noqa: PTH123  a descriptor


@pytest.mark.parametrize(
    ("open_output", "code", "message"),
    [
        (open_closed_pipe, 128 + signal.SIGPIPE, ""),
        (Path("/dev/full").open, ExitCode.FAILED, "Standard output: No space left on device.\n"),
    ],
)
def test_output_that_cannot_be_written_ends_the_command(terminal, open_output, code, message):
    help_ = [*terminal.program, "audit", "--help"]
    with open_output("w") as output:
        done = subprocess.run(help_, stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, message)


def test_account_without_home_directory_uses_the_environment(terminal):
    """As in a container with a user ID that is not in /etc/passwd."""
    code = "import os, sys; os.setgid(54321); os.setuid(54321); sys.argv[0] = 'portal';"
    code += f"sys.path.insert(0, {str(ROOT)!r}); from apps.cli.main import main; main()"
    for words, output in ((["whoami"], "You are not signed in"), (["login", "--portal", "https://portal.x"], "")):
        command = [sys.executable, "-P", "-c", code, *words]
        environment = {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr
        assert output in done.stderr


def test_argument_that_is_not_utf8_is_a_usage_error(terminal):
    given = {"PORTAL_USERNAME": "x", "PORTAL_PASSWORD": "y", "PORTAL_URL": "https://portal.vault.localhost:1"}
    terminal.run("key", "show", "\udcff", "--vault", "x", code=ExitCode.USAGE, **given)


def test_json_is_valid_on_a_latin1_terminal(terminal):
    encoding = {"LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}
    done = terminal.run("whoami", "--profile", "ä", "--json", code=ExitCode.USAGE, **encoding)
    assert done.stderr.isascii()
    json.loads(done.stderr)
