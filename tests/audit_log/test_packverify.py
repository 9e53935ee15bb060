"""A pack is good, or packverify says what is wrong with it; what nobody has signed is not read at all."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from apps.audit_log import auditverify
from apps.audit_log.auditverify import canonical, signed_note
from apps.audit_reader import packverify
from tests.support.signed_exports import Maker, Signer

ROOT = Path(__file__).parents[2]


class Pack:
    """A pack as the service makes it, and the programs that one had before."""

    def __init__(self, place):
        self.folder, self.programs = place / "evidence-payroll", place / "programs"
        self.maker = Maker(self.folder / "log")
        self.maker.add(5).write().add(8).write()
        self.programs.mkdir()
        for module in (auditverify, packverify):
            shutil.copy(module.__file__, self.programs)
            shutil.copy(module.__file__, self.folder)
        self.sign()

    def sign(self):
        """Whatever lies there now."""
        rows = []
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.name not in packverify.SIGNED_BY_ITSELF:
                name, data = path.relative_to(self.folder).as_posix(), path.read_bytes()
                rows.append({"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)})
        manifest = canonical({"version": 1, "log": self.maker.log, "vault": "payroll", "files": rows})
        (self.folder / "manifest.json").write_bytes(manifest)
        text = f"{packverify.FIRST_LINE}\nsha256 {hashlib.sha256(manifest).hexdigest()}\n"
        signer = self.maker.signer
        signature = signer.key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        note = signed_note(text, "vault-portal-audit", signer.spki, signature)
        (self.folder / "manifest.note").write_text(note, encoding="utf-8")

    def check(self, *more, signer=None, program=None):
        """(exit code, printed text)."""
        vkey = (signer or self.maker.signer).vkey
        command = [sys.executable, program or self.programs / "packverify.py", self.folder, "--vkey", vkey, *more]
        clean = {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout


@pytest.fixture
def pack(tmp_path):
    return Pack(tmp_path)


def test_a_good_pack_is_good(pack):
    code, output = pack.check()
    assert (code, output.splitlines()[-1]) == (0, "every file is the signed one")
    assert "records 0 to 12" in output


def test_a_program_reads_it_as_json(pack):
    code, output = pack.check("--json")
    result = json.loads(output)
    assert (code, result["good"], result["problems"], result["log"]["good"]) == (0, True, [], True)
    (pack.folder / "report.html").touch()
    code, output = pack.check("--json")
    assert (code, json.loads(output)["problems"]) == (1, ["report.html is not named in the signed manifest"])
    code, output = pack.check("--json", signer=Signer())
    expected = {"good": False, "problems": ["manifest.note is not signed by the given key"], "log": None}
    assert (code, json.loads(output)) == (1, expected)


def test_what_nobody_signed_is_not_read(pack):
    """The log of a forger may be made to take for ever."""
    code, output = pack.check(signer=Signer())
    assert (code, output) == (1, "manifest.note is not signed by the given key\nthe pack is not good\n")
    path = pack.folder / "manifest.json"
    path.write_bytes(path.read_bytes() + b" ")
    code, output = pack.check()
    assert (code, output) == (1, "manifest.json is not the one that was signed\nthe pack is not good\n")
    path.unlink()
    code, output = pack.check()
    assert code == 1
    assert "manifest.json" in output and "records" not in output


def test_a_name_writes_nothing_into_a_terminal(pack):
    Path(pack.folder, "\x1b[2Jgood").touch()
    code, output = pack.check()
    assert code == 1
    assert "?[2Jgood is not named in the signed manifest" in output


@pytest.mark.parametrize(
    "name", ["__pycache__/auditverify.cpython-311.pyc", "log/__pycache__", "csv/1.csv", "__pycache__x/report.html"]
)
def test_whatever_is_added_is_named(pack, name):
    path = pack.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    code, output = pack.check()
    assert code == 1
    assert f"{name} is not named in the signed manifest" in output


def test_a_way_out_of_the_pack_is_named(pack):
    (pack.folder / "elsewhere").symlink_to(pack.programs)
    code, output = pack.check()
    assert code == 1
    assert "elsewhere is not named in the signed manifest" in output


def test_the_programs_in_the_pack_are_not_run(pack):
    """One had the programs before: what lies in the pack is read, nothing else."""
    for name in ("auditverify.py", "packverify.py", "argparse.py", "hashlib.py"):
        (pack.folder / name).write_text("raise SystemExit(0)")
    code, output = pack.check()
    assert code == 1
    assert {"auditverify.py was altered", "packverify.py was altered"} <= set(output.splitlines())


def test_the_copy_in_the_pack_leaves_nothing_there_and_says_what_it_is_worth(pack):
    for _ in range(2):
        code, output = pack.check(program=pack.folder / "packverify.py")
        assert code == 0
        assert "This program came with the pack" in output
    assert pack.check() == (0, output.replace(output.splitlines()[-2] + "\n", ""))


def test_the_key_may_be_any_of_several(pack):
    command = [sys.executable, pack.programs / "packverify.py", pack.folder]
    keys = ["--vkey", Signer().vkey, "--vkey", pack.maker.signer.vkey]
    assert subprocess.run([*command, *keys], capture_output=True, check=False).returncode == 0


def test_the_command_line_uses_its_own_programs(pack):
    (pack.folder / "packverify.py").write_text("raise SystemExit(0)")
    pack.sign()
    program = "from apps.cli.main import main; main()"
    command = [sys.executable, "-c", program, "audit", "verify-pack", str(pack.folder), "--vkey"]
    good = subprocess.run([*command, pack.maker.signer.vkey], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "every file is the signed one"), good.stderr
    as_json = [*command, pack.maker.signer.vkey, "--json"]
    result = subprocess.run(as_json, cwd=ROOT, capture_output=True, text=True, check=False)
    assert json.loads(result.stdout)["good"] is True, result.stderr
    (pack.folder / "report.html").touch()
    bad = subprocess.run([*command, pack.maker.signer.vkey], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout.splitlines()[-1]) == (1, "the pack is not good"), bad.stderr
