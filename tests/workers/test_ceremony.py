"""The ceremony's command: rehearsal, refusals, and that it is held once. `up` holds two real ones."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from apps.launcher import processes
from apps.launcher.account import Account
from apps.launcher.state import StateDirectory
from tests.support import programs, records
from tests.support.processes import pid_of

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def hold():
    state = StateDirectory(Path(os.environ["TEST_STATE_DIR"]), Account())
    environment = {"PATH": os.environ["PATH"], **processes.hsm_environment(state, "europe", role="vault_owner")}
    server = programs.Server(environment)

    def run(*arguments):
        code, output, errors = server.manage("hsm_ceremony", *arguments)
        return SimpleNamespace(returncode=code, stdout=output, stderr=errors)

    return run


def write(path, text):
    path.write_text(text)
    return path


GOOD = '[world]\nname = "europe"\ngeography = "Europe"\ngeneration = {}\n[token]\nlabel = "vp-europe"\n'


def test_a_rehearsal_shows_the_module_and_makes_nothing(hold, tmp_path):
    plan = write(tmp_path / "plan.toml", GOOD.format(77))
    for _ in range(2):
        result = hold("--config", plan, "--dry-run")
        assert result.returncode == 0, result.stderr
        shown = json.loads(result.stdout)
        assert shown["profile"]["unwrap_template_enforced"] is True
        assert shown["plan"]["generation"] == 77
    assert list(tmp_path.iterdir()) == [plan]


def test_a_ceremony_is_held_once(hold, tmp_path):
    plan = write(tmp_path / "plan.toml", GOOD.format(1))
    result = hold("--config", plan, "--transcript", tmp_path / "t.json")
    assert result.returncode == 0
    assert "already done" in result.stdout
    assert not (tmp_path / "t.json").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "sections"),
        ("not toml", "TOML"),
        (GOOD.format(1) + 'extra = "x"\n', "may have"),
        (GOOD.format('"1"'), "generation"),
        (GOOD.format(0), "generation"),
        (GOOD.format(1).replace('"europe"', '"../x"'), "lower-case"),
        (GOOD.format(2).replace("vp-europe", "vp-other"), "token"),
    ],
)
def test_a_file_that_is_not_right_stops_the_ceremony(hold, tmp_path, text, reason):
    result = hold("--config", write(tmp_path / "plan.toml", text), "--transcript", tmp_path / "t.json")
    assert result.returncode == 1
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "t.json").exists()


def test_a_transcript_that_cannot_be_written_stops_the_ceremony(hold, tmp_path):
    result = hold(
        "--config", write(tmp_path / "plan.toml", GOOD.format(2)), "--transcript", tmp_path / "missing" / "t.json"
    )
    assert result.returncode == 1
    assert "can write a transcript" in result.stderr


@pytest.fixture
def directory():
    """Where the ceremonies of this world have their files: the world's account reads and writes there."""
    return Path(os.environ["TEST_STATE_DIR"]) / "ceremonies" / "europe"


def portal_manage(*words):
    """`./portal manage`, as the person who started the system uses it."""
    return subprocess.run(
        [sys.executable, "manage.py", "manage", "--state-dir", os.environ["TEST_STATE_DIR"], *map(str, words)],
        cwd=programs.ROOT,
        env={"PATH": os.environ["PATH"], "HSM_WORLD": "europe"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_second_generation_is_made_with_a_transcript_and_taken_up_when_it_was_cut_off(directory):
    plan, transcript = write(directory / "plan-2.toml", GOOD.format(2)), directory / "t-2.json"
    plan.chmod(0o644)
    tokens = directory.parents[1] / "tokens" / "europe"
    before = set(tokens.rglob("*"))

    def hold(*arguments):
        return portal_manage("hsm_ceremony", *arguments)

    result = hold("--config", plan, "--transcript", transcript)
    assert result.returncode == 0, result.stderr
    created = set(tokens.rglob("*")) - before
    worker = psutil.Process(pid_of("hsm-europe-lane-1")).uids().real
    assert created
    assert {path.stat().st_uid for path in (*created, transcript)} == {worker}
    first = json.loads(transcript.read_text())
    names = {"private_wrapping", "secret_wrapping", "binding_mac", "hmac_wrapping", "export_wrapping"}
    assert set(first["masters"]) == names
    assert transcript.stat().st_mode & 0o077 == 0
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        # As if the database had not heard of it; and back to the generation that the workers hold.
        connection.execute("DELETE FROM worlds_worldgeneration WHERE number = 2")
        again = hold("--config", plan, "--transcript", transcript)
        assert again.returncode == 0, again.stderr
        assert json.loads(transcript.read_text()) == first, "the same masters, not a second set"
        connection.execute("DELETE FROM worlds_worldgeneration WHERE number = 2")
        connection.execute("UPDATE worlds_securityworld SET generation = 1 WHERE name = 'europe'")
    recorded = [record["properties"] for record in records.running("operation = 'WorldCeremony'")]
    assert [detail["id"] for detail in recorded].count("worlds/europe/2") == 2
    assert all(len(detail["transcriptSha256"]) == 64 for detail in recorded)


def test_repeating_a_ceremony_adds_a_missing_statement_key_under_the_same_authority(directory):
    """As after an upgrade, or in the last year of a statement key."""
    config, pem = directory.parents[1] / "ceremony-europe.toml", directory / "statement-authority-europe.pem"
    authority = pem.read_bytes()
    words = ("hsm_ceremony", "--config", config, "--transcript", directory / "t-statements.json")
    of_world = "FROM worlds_statementkey WHERE world_id = (SELECT id FROM worlds_securityworld WHERE name = 'europe')"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f"DELETE {of_world} AND role = 'signer'")
        repeated = portal_manage(*words)
        assert repeated.returncode == 0, repeated.stderr
        roles = connection.execute(f"SELECT role {of_world} ORDER BY role").fetchall()
    assert roles == [("authority",), ("signer",)]
    assert pem.read_bytes() == authority
    fingerprint = x509.load_pem_x509_certificate(authority).fingerprint(hashes.SHA256()).hex()
    assert f"statement authority, SHA-256 {fingerprint}" in repeated.stdout
    (*_, recorded) = records.running("operation = 'WorldCeremony'")
    assert recorded["properties"]["statementAuthoritySha256"] == fingerprint
    assert "already done" in portal_manage(*words).stdout


def test_the_authority_of_statements_can_certify_nothing_for_tls(directory):
    certificate = x509.load_pem_x509_certificate((directory / "statement-authority-europe.pem").read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    excluded = {str(name.value) for name in constraints.value.excluded_subtrees}
    assert excluded == {"", "0.0.0.0/0", "::/0"}
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
