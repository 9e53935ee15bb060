"""Snippets in languages whose toolchains may not be here are read by a parser of each, for every kind of object."""

import subprocess
import uuid

import pytest
import tree_sitter
import tree_sitter_c_sharp
import tree_sitter_go
import tree_sitter_java

from apps.interfaces.console.code_samples import LANGUAGES, UsedObject, render_sample

GRAMMARS = {"dotnet": tree_sitter_c_sharp, "java": tree_sitter_java, "go": tree_sitter_go}
WHERE = {
    "vault": "payroll",
    "url": "https://payroll.vault.example",
    "tenant_id": uuid.UUID(int=1),
    "authority": "https://login.vault.example",
    "portal": "https://portal.vault.example",
    "resource": "https://vault.example",
}
OBJECTS = {
    "ES256": UsedObject(kind="keys", name="a", operation="sign", algorithm="ES256", **WHERE),
    "ES512": UsedObject(kind="keys", name="a", operation="sign", algorithm="ES512", **WHERE),
    "RS256": UsedObject(kind="keys", name="a", operation="sign", algorithm="RS256", **WHERE),
    "A256KW": UsedObject(kind="keys", name="a", operation="wrapKey", algorithm="A256KW", **WHERE),
    "EdDSA": UsedObject(kind="keys", name="a", operation="sign", algorithm="EdDSA", **WHERE),
    "ML-KEM-768": UsedObject(kind="keys", name="a", operation="wrapKey", algorithm="ML-KEM-768", **WHERE),
    "secret": UsedObject(kind="secrets", name="a", **WHERE),
    "certificate": UsedObject(kind="certificates", name="a", **WHERE),
    "dashed": UsedObject(kind="keys", name="-a", operation="sign", algorithm="ES256", **WHERE),
}


def parsed(word, text):
    """Whether the language's grammar reads it, whole."""
    parser = tree_sitter.Parser(tree_sitter.Language(GRAMMARS[word].language()))
    return not parser.parse(text.encode()).root_node.has_error


@pytest.mark.parametrize("about", OBJECTS)
@pytest.mark.parametrize("word", GRAMMARS)
def test_a_parser_of_the_language_reads_it(word, about):
    text = render_sample(word, OBJECTS[about])
    assert parsed(word, text), text
    for broken in (text.rpartition("(")[0], text.replace(")", "", 1), text.replace('"', "", 1)):
        assert not parsed(word, broken)


@pytest.mark.parametrize("about", OBJECTS)
def test_python_and_the_shell_read_theirs(about):
    compile(render_sample("python", OBJECTS[about]), "use.py", "exec")
    for word in ("curl", "cli"):
        text = render_sample(word, OBJECTS[about])
        assert subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False).returncode == 0, text


def test_go_imports_what_it_uses_and_nothing_else():
    """Which is an error to its compiler."""
    for about in OBJECTS.values():
        text = render_sample("go", about)
        head, _, body = text.partition(")\n")
        for package in (line.strip().strip('"').rpartition("/")[2] for line in head.splitlines() if '"' in line):
            assert f"{package}." in body, package


def test_every_program_says_how_it_is_run_and_each_language_is_there():
    assert [language.word for language in LANGUAGES] == ["python", "javascript", "dotnet", "java", "go", "curl", "cli"]
    for language in LANGUAGES:
        assert bool(language.install) is bool(language.file) is bool(language.run)


def test_a_name_like_an_option_is_none():
    assert render_sample("cli", OBJECTS["dashed"]).strip().endswith("--algorithm ES256 -- -a -")
