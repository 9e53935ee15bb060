"""Which clients of other languages can be tested on a machine."""

import pytest

from apps.launcher import toolchains


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with the programs that the function makes, and no others."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def add(program, printed):
        (tmp_path / program).write_text(f"#!/bin/sh\necho '{printed}'\n")
        (tmp_path / program).chmod(0o755)

    return add


def test_a_machine_without_toolchains(machine):
    assert toolchains.missing() == {
        "Go": "Go 1.23 or newer is not installed",
        "Java": "Maven is not installed",
    }


@pytest.mark.parametrize(("version", "enough"), [("go1.22.9", False), ("go1.23.0", True), ("go1.26.8", True)])
def test_versions_of_go(machine, version, enough):
    machine("go", version)
    assert ("Go" not in toolchains.missing()) is enough


@pytest.mark.parametrize(("version", "enough"), [("javac 11.0.2", False), ("javac 17.0.15", True), ("javac 21", True)])
def test_versions_of_java(machine, version, enough):
    machine("mvn", "")
    machine("javac", version)
    assert ("Java" not in toolchains.missing()) is enough
