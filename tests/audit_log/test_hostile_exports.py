"""One who controls the storage chooses names, links, kinds and sizes of files: findings, never a hang or a traceback."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.audit_log import auditverify
from apps.audit_log.auditverify import KINDS, LogCheck, Options, Verifier, object_name
from tests.audit_log.test_packverify import Pack
from tests.support.signed_exports import Maker, findings, named

FILE = Path(auditverify.__file__)


@pytest.fixture
def made(tmp_path):
    return Maker(tmp_path / "export", signs_vault=True).add(5).write().add(8).write()


def verify(folder, vkey, *words):
    """Exit code, the answer, and what was written to standard error; with little memory and time."""
    command = [sys.executable, "-I", FILE, folder, "--vkey", vkey, "--json", *words]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20)),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def problems(made, *, beside=False):
    """The sentences of what is found in this log, or beside it."""
    code, answer, _ = verify(made.folder, made.signer.vkey)
    assert (code, answer["good"]) == (1, False)
    assert any(line.endswith(": good") for line in answer["logs"]) == beside
    return [finding["sentence"] for finding in answer["findings"]]


# --- The name of the vault ---


def test_an_export_whose_vault_is_signed_is_good(made):
    code, answer, note = verify(made.folder, made.signer.vkey)
    assert (code, answer["good"], note) == (0, True, "")


def renamed(made, vault):
    """The same log as that of another vault, in the folder and in every manifest."""
    other = made.folder / vault / made.log
    shutil.move(made.root.parent, other.parent)
    made.vault = vault
    for path in sorted((other / "manifests").iterdir()):
        path.write_bytes(auditverify.canonical(json.loads(path.read_bytes()) | {"vault": vault}))
    made.rechain({})


def test_a_log_under_the_name_of_another_vault_is_not_good(made):
    renamed(made, "harmless")
    assert problems(made) == ["signed as the log of vault payroll; this export calls it harmless"]


def test_only_its_newest_checkpoint_needs_to_name_the_vault(tmp_path):
    """A log that began before version 0.5 continues with checkpoints that name its vault."""
    made = Maker(tmp_path / "export").add(5).write()
    made.signs_vault = True
    made.add(8).write()
    assert findings(made) == []
    renamed(made, "harmless")
    assert named(findings(made)) == [("checkpoint", None, None)]


def test_an_older_export_is_good_and_its_vault_is_named_as_a_claim(tmp_path):
    made = Maker(tmp_path / "export").add(5).write()
    code, answer, note = verify(made.folder, made.signer.vkey)
    assert (code, answer["good"]) == (0, True)
    assert "payroll is the name that this export gives" in note and "do not confirm it" in note


def test_a_verifier_of_0_4_accepts_the_new_text(made):
    """It reads four lines and ends with `at`; what follows is a part of the time to it."""
    lines = made.notes[13].split("\n")
    assert lines[3].startswith("at 2026-11-24T14:39:06.") and lines[3].endswith("Z vault payroll") and lines[4] == ""


@pytest.mark.parametrize("text", ["", " ", " x", " payroll vault x"])
def test_a_name_that_is_none_is_no_checkpoint(made, text):
    signer, note = made.signer, made.signer.note(made.log, made.frontier, "payroll")
    changed = note.replace(" vault payroll", f" vault{text}")
    with pytest.raises(auditverify.BadNote):
        auditverify.open_note(changed, [Verifier.parse(signer.vkey)])


# --- Files that are none ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["fifo", "device", "link", "broken link", "folder"])
def test_what_is_no_file_is_a_finding_and_not_opened(made, tmp_path, kind, what):
    path = made.root / object_name(kind, 5, 12)
    outside = tmp_path / "outside"
    path.rename(outside)
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "link": outside, "broken link": tmp_path / "none"}[what])
    assert any(object_name(kind, 5, 12) in sentence for sentence in problems(made))


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_is_a_link_is_not_followed(made, tmp_path, kind):
    (made.root / kind).rename(tmp_path / "outside")
    (made.root / kind).symlink_to(tmp_path / "outside")
    assert f"{kind} is a link, which is not followed" in problems(made)


def test_a_log_that_is_a_link_is_a_finding(made, tmp_path):
    other = Maker(tmp_path / "other", signer=made.signer, vault="web", log="0193a1b2-0000-7000-8000-00000000ffff")
    other.add(3).write()
    (made.folder / "web").symlink_to(other.root.parent)
    assert [sentence for sentence in problems(made, beside=True) if "web is not entered" in sentence]


# --- Sizes ---


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [3 << 30, 1 << 40])
def test_a_large_file_is_not_read(made, kind, size):
    os.truncate(made.root / object_name(kind, 5, 12), size)
    assert problems(made)


def test_a_stated_size_is_no_reason_to_read_it(made):
    path = made.root / object_name("segments", 5, 12)
    os.truncate(path, 1 << 40)
    manifest = made.root / object_name("manifests", 5, 12)
    stated = json.loads(manifest.read_bytes())
    stated["segment"]["bytes"] = 1 << 40
    manifest.write_bytes(auditverify.canonical(stated))
    assert any("not read" in sentence for sentence in problems(made))


def test_deep_folders_are_a_finding(made):
    deep = made.folder
    for _ in range(300):
        deep /= "d"
        deep.mkdir()
    assert any("too deep" in sentence for sentence in problems(made, beside=True))


def test_an_encrypted_segment_of_any_size_is_not_decrypted(tmp_path):
    from cryptography.hazmat.primitives.asymmetric import rsa

    owner = rsa.generate_private_key(65537, 2048)
    made = Maker(tmp_path / "export", public_key=owner.public_key()).add(5).write()
    os.truncate(made.root / object_name("segments", 0, 4, encrypted=True), 3 << 30)
    assert [problem for problem, *_ in named(findings(made, private_key=owner))]


# --- Content ---

_VALUES = [
    None, [], {}, "x", 1, 10**400, "\ud800", [[]] * 3, {"start": 1}, {"checkpoint": 7}, {"start": {"frontier": [1]}},
    {"start": {"frontier": ["00" * 32] * 64, "checkpoint": None}}, {"segment": []}, {"segment": {"bytes": "x"}},
    {"segment": {"bytes": 10**30}}, {"leaves": 7}, {"previous": {}},
]  # fmt: skip


@pytest.mark.parametrize("value", _VALUES, ids=range(len(_VALUES)))
def test_any_manifest_is_a_finding(made, value):
    path = made.root / object_name("manifests", 5, 12)
    stated = json.loads(path.read_bytes())
    whole = stated | value if isinstance(value, dict) and value else value
    path.write_text(json.dumps(whole))
    assert problems(made)


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 60_000, b'{"a":' * 10_000, b"1" * 5000, b"NaN", b"\0" * 100])
def test_any_bytes_of_a_manifest_are_a_finding(made, data):
    (made.root / object_name("manifests", 5, 12)).write_bytes(data)
    assert problems(made)


def test_what_nobody_foresaw_is_a_finding(made, monkeypatch, capsys):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(LogCheck, "_segment", broken)
    assert auditverify.main([str(made.folder), "--vkey", made.signer.vkey]) == 1
    output = capsys.readouterr().out
    assert "broke off (ZeroDivisionError" in output and ": good" not in output
    monkeypatch.setattr(auditverify, "_export", broken)
    assert auditverify.main([str(made.folder), "--vkey", made.signer.vkey]) == 1
    assert "broke off (ZeroDivisionError" in capsys.readouterr().out


def test_one_log_that_breaks_off_does_not_hide_another(made, tmp_path, monkeypatch):
    other = Maker(made.folder, signer=made.signer, vault="web", log="0193a1b2-0000-7000-8000-00000000ffff")
    other.add(3).write()
    segment = LogCheck._segment

    def broken(self, *span):
        if self.vault == "payroll":
            raise MemoryError
        return segment(self, *span)

    monkeypatch.setattr(LogCheck, "_segment", broken)
    options = Options([Verifier.parse(made.signer.vkey)])
    assert [len(auditverify._check_log(each.root, options)[0]) for each in (made, other)] == [1, 0]


# --- The verifier of packs reads files of strangers, too ---


@pytest.mark.parametrize("what", ["fifo", "device", "link", "large"])
@pytest.mark.parametrize("name", ["report.html", "manifest.json", "manifest.note"])
def test_a_pack_with_what_is_no_file_is_not_good(tmp_path, what, name):
    pack = Pack(tmp_path)
    path = pack.folder / name
    path.write_text("x")
    if name == "report.html":
        pack.sign()
    path.unlink()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "large":
        path.touch()
        os.truncate(path, 1 << 40)
    else:
        path.symlink_to("/dev/zero" if what == "device" else FILE)
    code, output = pack.check()
    assert code == 1
    assert output.splitlines()[-1] == "the pack is not good"


def test_a_wrong_key_is_no_traceback(tmp_path):
    pack = Pack(tmp_path)
    command = [sys.executable, pack.programs / "packverify.py", pack.folder, "--vkey", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[-1] == "the pack is not good"
