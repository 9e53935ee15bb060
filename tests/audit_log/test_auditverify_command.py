"""auditverify as owners call it: one file alone, encrypted exports, older checkpoints, proofs."""

import gzip
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.audit_log import auditverify
from apps.audit_log.auditverify import Verifier, object_name, subtree_root
from apps.audit_log.proofs import inclusion_proof
from tests.audit_log.reference_proofs import consistency_proof
from tests.support.signed_exports import Maker, Signer, findings, flipped, named

FILE = Path(auditverify.__file__)


# --- Encrypted segments ---


@pytest.fixture(scope="module")
def owner():
    return rsa.generate_private_key(65537, 2048)


def test_encrypted_segments_are_read_with_the_owners_key_alone(tmp_path, owner):
    maker = Maker(tmp_path, public_key=owner.public_key()).add(6).write().add(3).write()
    assert findings(maker, private_key=owner) == []
    assert named(findings(maker)) == [("unreadable", 0, 5), ("unreadable", 6, 8)]
    other = rsa.generate_private_key(65537, 2048)
    assert named(findings(maker, private_key=other)) == [("unreadable", 0, 5), ("unreadable", 6, 8)]
    path = maker.root / object_name("segments", 6, 8, encrypted=True)
    good, chance = path.read_bytes(), random.Random(3)
    for bit in chance.sample(range(8 * len(good)), 150):
        path.write_bytes(flipped(good, bit))
        found = findings(maker, private_key=owner)
        assert found[0].problem == "altered" and path.name in found[0].sentence, bit


# --- Older checkpoints ---


@pytest.mark.parametrize("size", [1, 3, 5, 6, 13, 14, 20, 23])
def test_the_log_must_continue_an_older_checkpoint(made, size):
    good, bad = auditverify.Frontier(), auditverify.Frontier()
    good.extend(b"".join(made.leaves[:size]))
    bad.extend(b"".join(made.leaves[: size - 1]) + bytes(32))
    verifiers = [Verifier.parse(made.signer.vkey)]
    older = auditverify.open_note(made.signer.note(made.log, good), verifiers)
    assert findings(made, older=[older]) == []
    forked = auditverify.open_note(made.signer.note(made.log, bad), verifiers)
    assert named(findings(made, older=[older, forked])) == [("rollback", None, None)]


def test_a_log_that_became_shorter_is_a_rollback(made, tmp_path):
    shutil.copytree(made.folder, tmp_path / "old")
    for kind in auditverify.KINDS:
        (made.root / object_name(kind, 14, 22)).unlink()
    assert findings(made) == []
    code, answer = run(made.folder, "--previous-dir", tmp_path / "old", signer=made.signer)
    assert code == 1 and [finding["problem"] for finding in answer["findings"]] == ["rollback"]
    assert "the log ends after 14 records" in answer["findings"][0]["sentence"]
    code, answer = run(tmp_path / "old", "--previous-dir", made.folder, signer=made.signer)
    assert code == 0 and answer["findings"] == []


# --- The command, as its own file, which imports nothing of ours ---


def run(*words, signer, json_=True):
    done = subprocess.run(
        [sys.executable, "-I", FILE, *words, "--vkey", signer.vkey, *(["--json"] if json_ else [])],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={},
    )
    if done.returncode == 2 or not json_:
        return done.returncode, done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_file_alone_checks_many_logs(made, tmp_path):
    other = Maker(made.folder, signer=made.signer, vault="web", log="0193a1b2-0000-7000-8000-00000000ffff")
    other.add(4).write()
    copy = tmp_path / "alone" / "verify.py"
    copy.parent.mkdir()
    shutil.copy(FILE, copy)
    done = subprocess.run(
        [sys.executable, "-I", copy, made.folder, "--vkey", made.signer.vkey],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.splitlines() == [
        f"payroll/{made.log}: records 0 to 22, 2026-11-24T14:39:06.000023Z: good",
        f"web/{other.log}: records 0 to 3, 2026-11-24T14:39:06.000004Z: good",
    ]
    lines = list(other.lines)
    lines[2] = lines[2].replace(b"KeySign", b"\x1b[31mKey")
    other.rewrite(0, lines)
    code, text = run(made.folder, signer=made.signer, json_=False)
    assert code == 1 and "record 2 (line 3, id 0193a1b2-2222-7000-8000-000000000002)" in text and "\x1b" not in text
    shutil.copytree(other.root, made.folder / "web2" / other.log)
    assert "this log is there twice" in run(made.folder, signer=made.signer, json_=False)[1]


def test_the_key_may_be_any_of_several(made):
    other = Signer()
    code, answer = run(made.folder, "--vkey", made.signer.vkey, signer=other)
    assert (code, answer["good"]) == (0, True)
    assert run(made.folder, signer=other)[0] == 1


def test_a_wrong_call_ends_with_two(made, tmp_path):
    note = tmp_path / "note"
    note.write_text("not a note")
    assert run(tmp_path / "nowhere", signer=made.signer)[0] == 2
    assert run(made.folder, "--vkey", "x", signer=made.signer)[0] == 2
    assert run(made.folder, "--previous", note, signer=made.signer)[0] == 2
    assert run(made.folder, "--private-key", note, signer=made.signer)[0] == 2
    assert run("inclusion", note, note, signer=made.signer)[0] == 2
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", signer=made.signer)[0] == 1
    note.write_text(made.notes[14])
    code, answer = run(tmp_path / "empty", "--previous", note, signer=made.signer)
    assert code == 1 and {finding["problem"] for finding in answer["findings"]} == {"rollback", "missing"}


def test_the_file_checks_proofs(made, tmp_path):
    def subtree(height, index):
        return subtree_root(b"".join(made.leaves[index << height : (index + 1) << height]))

    line, proof = tmp_path / "line", tmp_path / "proof"
    for seq in (0, 9, 22):
        path = [part.hex() for part in inclusion_proof(seq, 23, subtree)]
        proof.write_text(json.dumps({"seq": seq, "checkpoint": made.notes[23], "proof": path}))
        line.write_bytes(made.lines[seq])
        assert run("inclusion", line, proof, signer=made.signer)[0] == 0
        line.write_bytes(made.lines[seq].replace(b"KeySign", b"KeySigh"))
        assert run("inclusion", line, proof, signer=made.signer)[0] == 1
    path = [part.hex() for part in consistency_proof(14, 23, subtree)]
    proof.write_text(json.dumps({"first": made.notes[14], "second": made.notes[23], "proof": path}))
    assert run("consistency", proof, signer=made.signer)[0] == 0
    proof.write_text(json.dumps({"first": made.notes[13], "second": made.notes[23], "proof": path}))
    assert run("consistency", proof, signer=made.signer)[0] == 1
    assert run("consistency", proof, signer=Signer())[0] == 2


def run_with_little_memory(made):
    program = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)); "
        f"sys.argv[1:] = {[str(made.folder), '--vkey', made.signer.vkey]}; "
        f"runpy.run_path({str(FILE)!r}, run_name='__main__')"
    )
    command = [sys.executable, "-I", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"a" * 1000, b"\n" * 1000, b"{}\n" * 300])
def test_a_segment_that_goes_on_and_on_is_not_read_to_its_end(made, piece):
    path = made.root / object_name("segments", 5, 12)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"".join(made.lines[5:13]))
        for _ in range(300):
            file.write(piece * 1000)
    done = run_with_little_memory(made)
    assert done.returncode == 1 and ("goes on and on" in done.stdout or piece[:1] == b"a"), done.stderr
    assert "record 5 " not in done.stdout and "missing" not in done.stdout


def test_a_line_that_is_none_costs_no_more_than_one_that_is(tmp_path):
    """Of a stranger's export each byte may be chosen: 2.6 kB took a minute and a half, a line may have a megabyte."""
    members = b'"id":"a","log":"b","number":1,"writer":"c",'
    for count in (60, 20_000):
        line = tmp_path / "line"
        line.write_bytes(b'{"time":"x","integrity":{"header":{' + count * members + b"\n")
        program = f"import auditverify; print(auditverify.read_line(open({str(line)!r}, 'rb').read()).seq)"
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, cwd=FILE.parent, capture_output=True, text=True, timeout=20, check=False)
        assert done.stdout == "-1\n", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("leaves", [b"", bytes(64), None])
def test_the_name_of_a_segment_does_not_say_how_much_is_read(tmp_path, leaves):
    made, span = Maker(tmp_path / "export"), f"{0:016d}-{10**16 - 2:016d}"
    for kind in ("segments", "leaves", "manifests"):
        (made.root / kind).mkdir(parents=True)
    with gzip.open(made.root / "segments" / f"{span}.ndjson.gz", "wb", compresslevel=1) as file:
        for _ in range(100):
            file.write(b"\n" * 100_000)
    (made.root / "manifests" / f"{span}.json").write_bytes(b"{}")
    if leaves is not None:
        (made.root / "leaves" / f"{span}.bin").write_bytes(leaves)
    done = run_with_little_memory(made)
    assert done.returncode == 1 and "goes on and on" in done.stdout, done.stderr
