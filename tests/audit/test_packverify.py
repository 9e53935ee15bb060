"""A pack is good, or packverify says what is wrong with it; what nobody has signed is not read at all."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from apps.audit import auditverify
from apps.audit.auditverify import canonical, signed_note
from apps.auditing import packverify
from tests.audit.export_maker import Maker, Signer


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

    def check(self, *, signer=None, program=None):
        """(exit code, what was said)."""
        vkey = (signer or self.maker.signer).vkey
        command = [sys.executable, program or self.programs / "packverify.py", self.folder, "--vkey", vkey]
        clean = {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout


@pytest.fixture
def pack(tmp_path):
    return Pack(tmp_path)


def test_a_good_pack_is_good(pack):
    code, said = pack.check()
    assert (code, said.splitlines()[-1]) == (0, "every file is the signed one")
    assert "records 0 to 12" in said


def test_what_nobody_signed_is_not_read(pack):
    """The log of a forger may be made to take for ever."""
    code, said = pack.check(signer=Signer())
    assert (code, said) == (1, "manifest.note is not signed by the given key\nthe pack is not good\n")
    path = pack.folder / "manifest.json"
    path.write_bytes(path.read_bytes() + b" ")
    code, said = pack.check()
    assert (code, said) == (1, "manifest.json is not the one that was signed\nthe pack is not good\n")
    path.unlink()
    code, said = pack.check()
    assert code == 1
    assert "manifest.json" in said and "records" not in said


def test_a_name_writes_nothing_into_a_terminal(pack):
    Path(pack.folder, "\x1b[2Jgood").touch()
    code, said = pack.check()
    assert code == 1
    assert "?[2Jgood is not named in the signed manifest" in said
