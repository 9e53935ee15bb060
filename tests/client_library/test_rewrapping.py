"""`vaultportal-client` with files, and re-wrapping that is interrupted."""

import json
import os
from itertools import islice

import pytest

from vaultportal_client.command_line import main
from vaultportal_client.rewrapping import Progress, Rewrapper, describe, find_files

pytestmark = pytest.mark.stack
FILES = 12


@pytest.fixture
def environment(monkeypatch, stack):
    """The variables of docs/developers.md, section sign-in of programs."""
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", stack.authority)
    monkeypatch.setenv("AZURE_TENANT_ID", "adfs")


@pytest.fixture
def directory(tmp_path, client):
    """Ciphertexts in two directories, and a file that is none."""
    (tmp_path / "more").mkdir()
    for number in range(FILES):
        path = tmp_path / ("more" if number % 2 else ".") / f"{number:02}.vpe"
        path.write_bytes(client.encrypt(b"content %d" % number, context=b"%d" % number))
    (tmp_path / "readme.txt").write_text("nothing encrypted")
    return tmp_path


def keys(regions):
    return [word for identifier in regions.identifiers for word in ("--key", identifier)]


def test_files_move_under_the_newest_versions_and_an_interrupted_run_is_resumed(
    environment, directory, regions, client, capsys
):
    (directory / "00.vpe").chmod(0o640)
    old = [copy["kid"] for copy in describe(directory / "00.vpe")]
    newest = regions.rotate()
    client.refresh()
    first = list(islice(Rewrapper(client).files(find_files([directory])), 5))  # as if killed after five
    assert all(outcome.changed and outcome.error is None for outcome in first)
    (directory / ".rewrap-left").write_bytes(b"VPE what a killed run leaves")

    assert main(["rewrap", *keys(regions), "--dry-run", str(directory)]) == 0
    assert "7 re-wrapped, 5 under the newest versions already, 0 failed" in capsys.readouterr().out
    assert main(["rewrap", *keys(regions), str(directory)]) == 0
    assert "12 of 12 files: 7 re-wrapped, 5 under the newest versions already, 0 failed" in capsys.readouterr().out
    assert (directory / "00.vpe").stat().st_mode & 0o777 == 0o640

    assert main(["inspect", str(directory)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [[copy["kid"] for copy in line["copies"]] for line in lines] == [newest] * FILES
    for key_id in old:
        regions.set_enabled(key_id, enabled=False)
    for number in range(FILES):
        path = directory / ("more" if number % 2 else ".") / f"{number:02}.vpe"
        assert client.decrypt(path.read_bytes(), context=b"%d" % number) == b"content %d" % number


def test_what_cannot_be_moved_is_named_and_left_as_it_is(environment, directory, regions, client, capsys):
    damaged = bytearray((directory / "02.vpe").read_bytes())
    damaged[-10] ^= 1  # in the content: the header is sound
    (directory / "02.vpe").write_bytes(damaged)
    cut = (directory / "04.vpe").read_bytes()[:50]
    (directory / "04.vpe").write_bytes(cut)
    regions.rotate()
    assert main(["rewrap", *keys(regions), str(directory)]) == 1
    shown = capsys.readouterr()
    assert f"{FILES - 1} re-wrapped" in shown.out
    assert "1 failed" in shown.out
    assert "04.vpe: The ciphertext is cut within its header." in shown.err
    assert (directory / "04.vpe").read_bytes() == cut


def test_a_file_that_another_program_changes_is_left_to_it(directory, regions, client, monkeypatch):
    regions.rotate()
    client.refresh()
    path = directory / "00.vpe"
    fsync = os.fsync

    def change_meanwhile(descriptor):
        path.write_bytes(b"written meanwhile")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", change_meanwhile)
    (outcome,) = Rewrapper(client).files([path])
    assert "changed by another program" in str(outcome.error)
    assert path.read_bytes() == b"written meanwhile"
    assert [each.name for each in directory.iterdir() if each.name.startswith(".rewrap")] == []


def test_a_large_file_on_the_command_line(environment, tmp_path, regions, capsys):
    source, sealed, opened = tmp_path / "source", tmp_path / "sealed", tmp_path / "opened"
    source.write_bytes(os.urandom(300_000))
    context = ["--context", "report 7"]
    assert main(["encrypt", *keys(regions), *context, str(source), str(sealed)]) == 0
    assert main(["decrypt", *keys(regions), *context, str(sealed), str(opened)]) == 0
    assert opened.read_bytes() == source.read_bytes()
    sealed.write_bytes(sealed.read_bytes()[:-70_000])
    opened.unlink()
    assert main(["decrypt", *keys(regions), *context, str(sealed), str(opened)]) == 1
    assert "is not what was encrypted" in capsys.readouterr().err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["sealed", "source"]


def test_progress_counts_and_estimates():
    progress = Progress(total=4)
    assert progress.seconds_left() is None
    for outcome in Rewrapper(None).items([(1, b"foreign"), (2, b"foreign")], store=None):
        progress.add(outcome)
    assert (progress.done, progress.failed) == (2, 2)
    assert progress.seconds_left() >= 0
    assert Progress().seconds_left() is None
